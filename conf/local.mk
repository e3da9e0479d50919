kprobedconfdir = $(sysconfdir)/kprobed
dist_kprobedconf_DATA = conf/kprobed.conf

# Prometheus: an example, installed where one looks for such.
exporterexampledir = $(docdir)/node-exporter
dist_exporterexample_SCRIPTS = conf/node-exporter/kprobed-textfile
dist_exporterexample_DATA = \
	conf/node-exporter/kprobed-textfile.service \
	conf/node-exporter/kprobed-textfile.timer
EXTRA_DIST += conf/kprobectl.bash conf/_kprobectl conf/modprobe.conf
