noinst_LTLIBRARIES += libkpcommon.la
libkpcommon_la_SOURCES = \
	common/cleanup.h \
	common/error.c common/error.h \
	common/json-scan.c common/json-scan.h \
	common/log.c common/log.h \
	common/log-layout.h \
	common/strutil.c common/strutil.h \
	common/wire.c common/wire.h
libkpcommon_la_CFLAGS = $(AM_CFLAGS) $(SYSTEMD_CFLAGS) $(JSON_CFLAGS)
libkpcommon_la_LIBADD = $(SYSTEMD_LIBS) $(JSON_LIBS)
