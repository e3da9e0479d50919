# SPDX-License-Identifier: GPL-2.0-or-later
# The helper module is built by the kernel's own makefiles (module/Makefile), never by this one: here are only its sources' way
# into the distribution, and to where DKMS builds them ("make install-dkms").
MODULE_SOURCES = \
	module/Kbuild \
	module/Makefile \
	module/kprobed_compat.h \
	module/kprobed_cond.c \
	module/kprobed_fetch.c \
	module/kprobed_handler.c \
	module/kprobed_hist.c \
	module/kprobed_main.c \
	module/kprobed_module.h \
	module/kprobed_probe.c \
	module/kprobed_trace.h
EXTRA_DIST += $(MODULE_SOURCES) module/README.md module/dkms.conf.in

dkmsdir = /usr/src/kprobed-$(PACKAGE_VERSION)
install-dkms:
	$(MKDIR_P) '$(DESTDIR)$(dkmsdir)'
	for file in $(MODULE_SOURCES) include/kprobed-ioctl.h; do \
		$(INSTALL_DATA) "$(srcdir)/$$file" '$(DESTDIR)$(dkmsdir)/' || exit 1; \
	done
	$(SED) 's/@PACKAGE_VERSION[@]/$(PACKAGE_VERSION)/' '$(srcdir)/module/dkms.conf.in' >'$(DESTDIR)$(dkmsdir)/dkms.conf'
.PHONY: install-dkms
