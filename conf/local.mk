kprobedconfdir = $(sysconfdir)/kprobed
dist_kprobedconf_DATA = conf/kprobed.conf
EXTRA_DIST += conf/kprobectl.bash conf/_kprobectl conf/modprobe.conf
