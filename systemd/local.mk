# The units, and what makes their group and folder; the folders are systemd's own (configure).
systemdsystemunit_DATA = systemd/kprobed.service systemd/kprobed.socket
EXTRA_DIST += systemd/kprobed.service.in systemd/kprobed.socket \
	systemd/kprobed.sysusers systemd/kprobed.tmpfiles
CLEANFILES += systemd/kprobed.service

systemd/kprobed.service: systemd/kprobed.service.in
	$(AM_V_GEN)$(MKDIR_P) systemd && $(SED) -e 's|@sbindir[@]|$(sbindir)|g' $< > $@

# For the helper module, of which kprobed knows more than kmod does.
modprobedir = $(prefix)/lib/modprobe.d

install-data-local:
	$(MKDIR_P) $(DESTDIR)$(sysusersdir) $(DESTDIR)$(tmpfilesdir) \
		$(DESTDIR)$(bashcompletiondir) $(DESTDIR)$(zshcompletiondir) $(DESTDIR)$(modprobedir)
	$(INSTALL_DATA) $(srcdir)/conf/modprobe.conf $(DESTDIR)$(modprobedir)/kprobed.conf
	$(INSTALL_DATA) $(srcdir)/systemd/kprobed.sysusers $(DESTDIR)$(sysusersdir)/kprobed.conf
	$(INSTALL_DATA) $(srcdir)/systemd/kprobed.tmpfiles $(DESTDIR)$(tmpfilesdir)/kprobed.conf
	$(INSTALL_DATA) $(srcdir)/conf/kprobectl.bash $(DESTDIR)$(bashcompletiondir)/kprobectl
	$(INSTALL_DATA) $(srcdir)/conf/_kprobectl $(DESTDIR)$(zshcompletiondir)/_kprobectl

uninstall-local:
	rm -f $(DESTDIR)$(sysusersdir)/kprobed.conf $(DESTDIR)$(tmpfilesdir)/kprobed.conf \
		$(DESTDIR)$(modprobedir)/kprobed.conf \
		$(DESTDIR)$(bashcompletiondir)/kprobectl $(DESTDIR)$(zshcompletiondir)/_kprobectl
