# SPDX-License-Identifier: GPL-2.0-or-later
# libkprobed needs nothing but libc. All of it is one convenience library, and so are kprobectl's
# files but for its commands: tests link what the symbol file hides.
noinst_LTLIBRARIES += libkprobed-core.la libkprobectl.la
libkprobed_core_la_SOURCES = \
	client/libkprobed-call.c \
	client/libkprobed-event.c \
	client/libkprobed-internal.h \
	client/libkprobed-io.c \
	client/libkprobed-memory.c \
	client/libkprobed-probes.c \
	client/libkprobed-stream.c \
	client/libkprobed.c \
	client/log-account.c \
	client/log-reader-internal.h \
	client/log-reader.c \
	client/log-reader.h \
	client/reply.c \
	client/reply.h \
	client/slice-list.c \
	client/slice-list.h \
	client/slice-value.c \
	client/slice.c \
	client/slice.h \
	client/text.c \
	client/text.h \
	common/log-layout.h \
	common/strutil.c \
	common/strutil.h
libkprobed_core_la_CPPFLAGS = $(AM_CPPFLAGS) -I$(top_srcdir)/client
libkprobed_core_la_CFLAGS = $(AM_CFLAGS) -fvisibility=hidden

lib_LTLIBRARIES += libkprobed.la
libkprobed_la_SOURCES =
libkprobed_la_LIBADD = libkprobed-core.la
libkprobed_la_DEPENDENCIES = libkprobed-core.la client/libkprobed.sym
libkprobed_la_LDFLAGS = $(AM_LDFLAGS) -version-info 0:0:0 -no-undefined \
	-Wl,--version-script=$(top_srcdir)/client/libkprobed.sym

pkgconfigdir = $(libdir)/pkgconfig
pkgconfig_DATA = client/libkprobed.pc

libkprobectl_la_SOURCES = \
	client/output-added.c \
	client/output-added.h \
	client/output-caret.c \
	client/output-caret.h \
	client/output-event.c \
	client/output-event.h \
	client/output-quick.c \
	client/output-quick.h \
	client/output-table.c \
	client/output-table.h \
	client/output-text.c \
	client/output-text.h \
	client/slice-value.c \
	client/slice.c \
	client/slice.h \
	client/text.c \
	client/text.h
libkprobectl_la_CPPFLAGS = $(AM_CPPFLAGS) -I$(top_srcdir)/client
libkprobectl_la_CFLAGS = $(AM_CFLAGS)

bin_PROGRAMS += kprobectl
kprobectl_SOURCES = \
	client/child.c \
	client/child.h \
	client/cmd-add.c \
	client/cmd-call.c \
	client/cmd-describe.c \
	client/cmd-disasm.c \
	client/cmd-doctor.c \
	client/cmd-hist.c \
	client/cmd-list.c \
	client/cmd-metrics.c \
	client/cmd-remove.c \
	client/cmd-status.c \
	client/cmd-symbols.c \
	client/cmd-trace.c \
	client/cmd-watch.c \
	client/ctl.c \
	client/doctor-kernel.c \
	client/doctor-service.c \
	client/doctor.h \
	client/kprobectl.c \
	client/kprobectl.h \
	client/loss-advice.c \
	client/loss-advice.h \
	client/output-error.c \
	client/output-error.h \
	client/output-hist.c \
	client/output-hist.h \
	client/signals.c \
	client/signals.h \
	client/specs.c \
	client/specs.h \
	client/stream.c \
	client/stream.h
kprobectl_CPPFLAGS = $(AM_CPPFLAGS) -I$(top_srcdir)/client
kprobectl_CFLAGS = $(AM_CFLAGS) $(JSON_CFLAGS)
kprobectl_LDADD = libkprobectl.la libkprobed.la $(JSON_LIBS) -lm

EXTRA_DIST += client/libkprobed.sym

# kprobectl as a program, against a daemon that makes its answers up.
TESTS += tests/unit/test-client-kprobectl
EXTRA_DIST += tests/unit/test-client-kprobectl tests/unit/fake-kprobed tests/unit/zsh-complete

CLIENT_TEST_CPPFLAGS = $(AM_CPPFLAGS) -I$(top_srcdir)/client
CLIENT_TEST_LDADD = libkprobectl.la libkprobed-core.la
if HAVE_CMOCKA
CLIENT_TESTS = \
	tests/unit/test-client-slice \
	tests/unit/test-client-stream \
	tests/unit/test-client-output
check_PROGRAMS += $(CLIENT_TESTS)
TESTS += $(CLIENT_TESTS)
endif

tests_unit_test_client_slice_SOURCES = tests/unit/test-client-slice.c
tests_unit_test_client_slice_CPPFLAGS = $(CLIENT_TEST_CPPFLAGS)
tests_unit_test_client_slice_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
tests_unit_test_client_slice_LDADD = $(CLIENT_TEST_LDADD) $(CMOCKA_LIBS)

tests_unit_test_client_stream_SOURCES = tests/unit/test-client-stream.c
tests_unit_test_client_stream_CPPFLAGS = $(CLIENT_TEST_CPPFLAGS)
tests_unit_test_client_stream_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
tests_unit_test_client_stream_LDADD = $(CLIENT_TEST_LDADD) $(CMOCKA_LIBS)

tests_unit_test_client_output_SOURCES = tests/unit/test-client-output.c
tests_unit_test_client_output_CPPFLAGS = $(CLIENT_TEST_CPPFLAGS)
tests_unit_test_client_output_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
tests_unit_test_client_output_LDADD = $(CLIENT_TEST_LDADD) $(CMOCKA_LIBS)
