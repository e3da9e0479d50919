# cmocka tests; each links the daemon's library and needs neither root nor a kernel with kprobes.
if HAVE_CMOCKA
UNIT_TESTS = \
	tests/unit/test-probe-spec \
	tests/unit/test-probe-spec-errors \
	tests/unit/test-probe-spec-filter \
	tests/unit/test-varlink-idl \
	tests/unit/test-varlink-check \
	tests/unit/test-wire \
	tests/unit/test-strutil \
	tests/unit/test-config \
	tests/unit/test-config-files
check_PROGRAMS += $(UNIT_TESTS)
TESTS += $(UNIT_TESTS)
endif

UNIT_CPPFLAGS = $(libkprobed_daemon_la_CPPFLAGS) -DTEST_DATA='"$(abs_top_srcdir)/tests/unit/data"'
UNIT_CFLAGS = $(libkprobed_daemon_la_CFLAGS) $(CMOCKA_CFLAGS)
UNIT_LDADD = libkprobed-daemon.la $(CMOCKA_LIBS)

# The tables of definitions are those of the test on a real kernel.
DEFINITIONS_CPPFLAGS = -DDEFINITIONS='"$(abs_top_srcdir)/tests/vm/tests/data"'

tests_unit_test_probe_spec_SOURCES = tests/unit/test-probe-spec.c tests/unit/definitions.h
tests_unit_test_probe_spec_CPPFLAGS = $(UNIT_CPPFLAGS) $(DEFINITIONS_CPPFLAGS)
tests_unit_test_probe_spec_CFLAGS = $(UNIT_CFLAGS)
tests_unit_test_probe_spec_LDADD = $(UNIT_LDADD)

tests_unit_test_probe_spec_errors_SOURCES = tests/unit/test-probe-spec-errors.c \
	tests/unit/definitions.h
tests_unit_test_probe_spec_errors_CPPFLAGS = $(UNIT_CPPFLAGS) $(DEFINITIONS_CPPFLAGS)
tests_unit_test_probe_spec_errors_CFLAGS = $(UNIT_CFLAGS)
tests_unit_test_probe_spec_errors_LDADD = $(UNIT_LDADD)

tests_unit_test_probe_spec_filter_SOURCES = tests/unit/test-probe-spec-filter.c \
	tests/unit/definitions.h
tests_unit_test_probe_spec_filter_CPPFLAGS = $(UNIT_CPPFLAGS) $(DEFINITIONS_CPPFLAGS)
tests_unit_test_probe_spec_filter_CFLAGS = $(UNIT_CFLAGS)
tests_unit_test_probe_spec_filter_LDADD = $(UNIT_LDADD)

tests_unit_test_varlink_idl_SOURCES = tests/unit/test-varlink-idl.c
tests_unit_test_varlink_idl_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_test_varlink_idl_CFLAGS = $(UNIT_CFLAGS)
tests_unit_test_varlink_idl_LDADD = $(UNIT_LDADD)

tests_unit_test_varlink_check_SOURCES = tests/unit/test-varlink-check.c
tests_unit_test_varlink_check_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_test_varlink_check_CFLAGS = $(UNIT_CFLAGS)
tests_unit_test_varlink_check_LDADD = $(UNIT_LDADD)

tests_unit_test_wire_SOURCES = tests/unit/test-wire.c
tests_unit_test_wire_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_test_wire_CFLAGS = $(UNIT_CFLAGS)
tests_unit_test_wire_LDADD = $(UNIT_LDADD)

tests_unit_test_strutil_SOURCES = tests/unit/test-strutil.c
tests_unit_test_strutil_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_test_strutil_CFLAGS = $(UNIT_CFLAGS)
tests_unit_test_strutil_LDADD = $(UNIT_LDADD)

tests_unit_test_config_SOURCES = tests/unit/test-config.c
tests_unit_test_config_CPPFLAGS = $(UNIT_CPPFLAGS) \
	-DCONF_FILE='"$(abs_top_srcdir)/conf/kprobed.conf"'
tests_unit_test_config_CFLAGS = $(UNIT_CFLAGS)
tests_unit_test_config_LDADD = $(UNIT_LDADD)

tests_unit_test_config_files_SOURCES = tests/unit/test-config-files.c
tests_unit_test_config_files_CPPFLAGS = $(UNIT_CPPFLAGS) \
	-DCONF_FILE='"$(abs_top_srcdir)/conf/kprobed.conf"'
tests_unit_test_config_files_CFLAGS = $(UNIT_CFLAGS)
tests_unit_test_config_files_LDADD = $(UNIT_LDADD)
