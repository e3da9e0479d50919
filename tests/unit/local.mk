# cmocka tests; each links the daemon's library and needs neither root nor a kernel with kprobes.
if HAVE_CMOCKA
UNIT_TESTS = \
	tests/unit/test-advice \
	tests/unit/test-btf-compile \
	tests/unit/test-btf-store \
	tests/unit/test-calling \
	tests/unit/test-client-memory \
	tests/unit/test-config \
	tests/unit/test-config-files \
	tests/unit/test-control \
	tests/unit/test-decode \
	tests/unit/test-decode-hit \
	tests/unit/test-decode-recorded \
	tests/unit/test-decode-shown \
	tests/unit/test-delivery \
	tests/unit/test-delivery-filter \
	tests/unit/test-disasm \
	tests/unit/test-event-log \
	tests/unit/test-event-log-adopt \
	tests/unit/test-filter-eval \
	tests/unit/test-filter-parse \
	tests/unit/test-fine-timer \
	tests/unit/test-helper \
	tests/unit/test-helper-program \
	tests/unit/test-helper-watch \
	tests/unit/test-hit-table \
	tests/unit/test-helper-condition \
	tests/unit/test-helper-hist \
	tests/unit/test-json-text \
	tests/unit/test-kernel-text \
	tests/unit/test-listing \
	tests/unit/test-log-reader \
	tests/unit/test-openmetrics \
	tests/unit/test-probe \
	tests/unit/test-probe-resolve \
	tests/unit/test-probe-spec \
	tests/unit/test-probe-spec-errors \
	tests/unit/test-probe-spec-filter \
	tests/unit/test-probeable \
	tests/unit/test-reader \
	tests/unit/test-reader-pace \
	tests/unit/test-ring \
	tests/unit/test-stream \
	tests/unit/test-strutil \
	tests/unit/test-subscription \
	tests/unit/test-symbol-choice \
	tests/unit/test-symbol-query \
	tests/unit/test-symbols \
	tests/unit/test-tracefs \
	tests/unit/test-value-text \
	tests/unit/test-varlink-check \
	tests/unit/test-varlink-idl \
	tests/unit/test-view \
	tests/unit/test-wakeup \
	tests/unit/test-wire
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

tests_unit_test_delivery_filter_SOURCES = tests/unit/test-delivery-filter.c \
	tests/unit/filter-world.h
tests_unit_test_delivery_filter_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_test_delivery_filter_CFLAGS = $(UNIT_CFLAGS)
tests_unit_test_delivery_filter_LDADD = $(UNIT_LDADD)

tests_unit_test_filter_eval_SOURCES = tests/unit/test-filter-eval.c tests/unit/filter-world.h
tests_unit_test_filter_eval_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_test_filter_eval_CFLAGS = $(UNIT_CFLAGS)
tests_unit_test_filter_eval_LDADD = $(UNIT_LDADD)

tests_unit_test_filter_parse_SOURCES = tests/unit/test-filter-parse.c
tests_unit_test_filter_parse_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_test_filter_parse_CFLAGS = $(UNIT_CFLAGS)
tests_unit_test_filter_parse_LDADD = $(UNIT_LDADD)

tests_unit_test_fine_timer_SOURCES = tests/unit/test-fine-timer.c
tests_unit_test_fine_timer_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_test_fine_timer_CFLAGS = $(UNIT_CFLAGS)
tests_unit_test_fine_timer_LDADD = $(UNIT_LDADD)

tests_unit_test_helper_condition_SOURCES = tests/unit/test-helper-condition.c tests/unit/condition-world.h
tests_unit_test_helper_condition_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_test_helper_condition_CFLAGS = $(UNIT_CFLAGS)
tests_unit_test_helper_condition_LDADD = $(UNIT_LDADD)

tests_unit_test_helper_hist_SOURCES = tests/unit/test-helper-hist.c
tests_unit_test_helper_hist_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_test_helper_hist_CFLAGS = $(UNIT_CFLAGS)
tests_unit_test_helper_hist_LDADD = $(UNIT_LDADD)

tests_unit_test_view_SOURCES = tests/unit/test-view.c
tests_unit_test_view_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_test_view_CFLAGS = $(UNIT_CFLAGS)
tests_unit_test_view_LDADD = $(UNIT_LDADD)

tests_unit_test_wakeup_SOURCES = tests/unit/test-wakeup.c
tests_unit_test_wakeup_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_test_wakeup_CFLAGS = $(UNIT_CFLAGS)
tests_unit_test_wakeup_LDADD = $(UNIT_LDADD)

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

tests_unit_test_control_SOURCES = tests/unit/test-control.c
tests_unit_test_control_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_test_control_CFLAGS = $(UNIT_CFLAGS)
tests_unit_test_control_LDADD = $(UNIT_LDADD)

tests_unit_test_decode_SOURCES = tests/unit/test-decode.c tests/unit/random.h
tests_unit_test_decode_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_test_decode_CFLAGS = $(UNIT_CFLAGS)
tests_unit_test_decode_LDADD = $(UNIT_LDADD)

tests_unit_test_decode_hit_SOURCES = tests/unit/test-decode-hit.c tests/unit/btf-world.h \
	tests/unit/hit-record.h tests/unit/random.h
tests_unit_test_decode_hit_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_test_decode_hit_CFLAGS = $(UNIT_CFLAGS)
tests_unit_test_decode_hit_LDADD = $(UNIT_LDADD)

tests_unit_test_decode_shown_SOURCES = tests/unit/test-decode-shown.c tests/unit/random.h
tests_unit_test_decode_shown_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_test_decode_shown_CFLAGS = $(UNIT_CFLAGS)
tests_unit_test_decode_shown_LDADD = $(UNIT_LDADD)

tests_unit_test_value_text_SOURCES = tests/unit/test-value-text.c tests/unit/random.h
tests_unit_test_value_text_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_test_value_text_CFLAGS = $(UNIT_CFLAGS)
tests_unit_test_value_text_LDADD = $(UNIT_LDADD)

tests_unit_test_decode_recorded_SOURCES = tests/unit/test-decode-recorded.c
tests_unit_test_decode_recorded_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_test_decode_recorded_CFLAGS = $(UNIT_CFLAGS)
tests_unit_test_decode_recorded_LDADD = $(UNIT_LDADD)

tests_unit_test_advice_SOURCES = tests/unit/test-advice.c
tests_unit_test_advice_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_test_advice_CFLAGS = $(UNIT_CFLAGS)
tests_unit_test_advice_LDADD = $(UNIT_LDADD)

tests_unit_test_openmetrics_SOURCES = tests/unit/test-openmetrics.c
tests_unit_test_openmetrics_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_test_openmetrics_CFLAGS = $(UNIT_CFLAGS)
tests_unit_test_openmetrics_LDADD = $(UNIT_LDADD)

tests_unit_test_delivery_SOURCES = tests/unit/test-delivery.c tests/unit/random.h
tests_unit_test_delivery_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_test_delivery_CFLAGS = $(UNIT_CFLAGS)
tests_unit_test_delivery_LDADD = $(UNIT_LDADD)

tests_unit_test_event_log_SOURCES = tests/unit/test-event-log.c tests/unit/random.h
tests_unit_test_event_log_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_test_event_log_CFLAGS = $(UNIT_CFLAGS)
tests_unit_test_event_log_LDADD = $(UNIT_LDADD)

tests_unit_test_event_log_adopt_SOURCES = tests/unit/test-event-log-adopt.c tests/unit/random.h
tests_unit_test_event_log_adopt_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_test_event_log_adopt_CFLAGS = $(UNIT_CFLAGS)
tests_unit_test_event_log_adopt_LDADD = $(UNIT_LDADD)

tests_unit_test_json_text_SOURCES = tests/unit/test-json-text.c tests/unit/random.h
tests_unit_test_json_text_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_test_json_text_CFLAGS = $(UNIT_CFLAGS)
tests_unit_test_json_text_LDADD = $(UNIT_LDADD)

# The client's side of the log against the daemon's.
tests_unit_test_log_reader_SOURCES = tests/unit/test-log-reader.c tests/unit/random.h
tests_unit_test_log_reader_CPPFLAGS = $(UNIT_CPPFLAGS) -iquote $(top_srcdir)/client
tests_unit_test_log_reader_CFLAGS = $(UNIT_CFLAGS)
tests_unit_test_log_reader_LDADD = libkprobed-core.la $(UNIT_LDADD)

tests_unit_test_client_memory_SOURCES = tests/unit/test-client-memory.c
tests_unit_test_client_memory_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_test_client_memory_CFLAGS = $(UNIT_CFLAGS)
tests_unit_test_client_memory_LDADD = libkprobed-core.la $(UNIT_LDADD)

tests_unit_test_probe_SOURCES = tests/unit/test-probe.c
tests_unit_test_probe_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_test_probe_CFLAGS = $(UNIT_CFLAGS)
tests_unit_test_probe_LDADD = $(UNIT_LDADD)

tests_unit_test_reader_SOURCES = tests/unit/test-reader.c \
	tests/unit/random.h tests/unit/reader-world.h tests/unit/ring-pages.h
tests_unit_test_reader_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_test_reader_CFLAGS = $(UNIT_CFLAGS)
tests_unit_test_reader_LDADD = $(UNIT_LDADD)
tests_unit_test_reader_pace_SOURCES = tests/unit/test-reader-pace.c \
	tests/unit/reader-world.h tests/unit/ring-pages.h
tests_unit_test_reader_pace_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_test_reader_pace_CFLAGS = $(UNIT_CFLAGS)
tests_unit_test_reader_pace_LDADD = $(UNIT_LDADD)

tests_unit_test_ring_SOURCES = tests/unit/test-ring.c tests/unit/random.h tests/unit/ring-pages.h
tests_unit_test_ring_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_test_ring_CFLAGS = $(UNIT_CFLAGS)
tests_unit_test_ring_LDADD = $(UNIT_LDADD)

tests_unit_test_stream_SOURCES = tests/unit/test-stream.c tests/unit/ring-pages.h
tests_unit_test_stream_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_test_stream_CFLAGS = $(UNIT_CFLAGS)
tests_unit_test_stream_LDADD = $(UNIT_LDADD)

tests_unit_test_subscription_SOURCES = tests/unit/test-subscription.c tests/unit/random.h
tests_unit_test_subscription_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_test_subscription_CFLAGS = $(UNIT_CFLAGS)
tests_unit_test_subscription_LDADD = $(UNIT_LDADD)

tests_unit_test_probeable_SOURCES = tests/unit/test-probeable.c
tests_unit_test_probeable_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_test_probeable_CFLAGS = $(UNIT_CFLAGS)
tests_unit_test_probeable_LDADD = $(UNIT_LDADD)

tests_unit_test_probe_resolve_SOURCES = tests/unit/test-probe-resolve.c
tests_unit_test_probe_resolve_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_test_probe_resolve_CFLAGS = $(UNIT_CFLAGS)
tests_unit_test_probe_resolve_LDADD = $(UNIT_LDADD)

tests_unit_test_symbol_choice_SOURCES = tests/unit/test-symbol-choice.c
tests_unit_test_symbol_choice_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_test_symbol_choice_CFLAGS = $(UNIT_CFLAGS)
tests_unit_test_symbol_choice_LDADD = $(UNIT_LDADD)

tests_unit_test_symbol_query_SOURCES = tests/unit/test-symbol-query.c
tests_unit_test_symbol_query_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_test_symbol_query_CFLAGS = $(UNIT_CFLAGS)
tests_unit_test_symbol_query_LDADD = $(UNIT_LDADD)

tests_unit_test_symbols_SOURCES = tests/unit/test-symbols.c
tests_unit_test_symbols_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_test_symbols_CFLAGS = $(UNIT_CFLAGS)
tests_unit_test_symbols_LDADD = $(UNIT_LDADD)

tests_unit_test_tracefs_SOURCES = tests/unit/test-tracefs.c
tests_unit_test_tracefs_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_test_tracefs_CFLAGS = $(UNIT_CFLAGS)
tests_unit_test_tracefs_LDADD = $(UNIT_LDADD)

# Pages that kernels wrote.
EXTRA_DIST += tests/unit/data

tests_unit_test_disasm_SOURCES = tests/unit/test-disasm.c
tests_unit_test_disasm_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_test_disasm_CFLAGS = $(UNIT_CFLAGS)
tests_unit_test_disasm_LDADD = $(UNIT_LDADD)

tests_unit_test_kernel_text_SOURCES = tests/unit/test-kernel-text.c
tests_unit_test_kernel_text_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_test_kernel_text_CFLAGS = $(UNIT_CFLAGS)
tests_unit_test_kernel_text_LDADD = $(UNIT_LDADD)

tests_unit_test_listing_SOURCES = tests/unit/test-listing.c tests/unit/core-file.h
tests_unit_test_listing_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_test_listing_CFLAGS = $(UNIT_CFLAGS)
tests_unit_test_listing_LDADD = $(UNIT_LDADD)

tests_unit_test_btf_compile_SOURCES = tests/unit/test-btf-compile.c tests/unit/btf-world.h
tests_unit_test_btf_compile_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_test_btf_compile_CFLAGS = $(UNIT_CFLAGS)
tests_unit_test_btf_compile_LDADD = $(UNIT_LDADD) $(BPF_LIBS)

tests_unit_test_calling_SOURCES = tests/unit/test-calling.c
tests_unit_test_calling_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_test_calling_CFLAGS = $(UNIT_CFLAGS)
tests_unit_test_calling_LDADD = $(UNIT_LDADD)

tests_unit_test_btf_store_SOURCES = tests/unit/test-btf-store.c tests/unit/btf-world.h
tests_unit_test_btf_store_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_test_btf_store_CFLAGS = $(UNIT_CFLAGS)
tests_unit_test_btf_store_LDADD = $(UNIT_LDADD) $(BPF_LIBS)

tests_unit_test_helper_SOURCES = tests/unit/test-helper.c
tests_unit_test_helper_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_test_helper_CFLAGS = $(UNIT_CFLAGS)
tests_unit_test_helper_LDADD = $(UNIT_LDADD)

tests_unit_test_helper_program_SOURCES = tests/unit/test-helper-program.c
tests_unit_test_helper_program_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_test_helper_program_CFLAGS = $(UNIT_CFLAGS)
tests_unit_test_helper_program_LDADD = $(UNIT_LDADD)

tests_unit_test_helper_watch_SOURCES = tests/unit/test-helper-watch.c
tests_unit_test_helper_watch_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_test_helper_watch_CFLAGS = $(UNIT_CFLAGS)
tests_unit_test_helper_watch_LDADD = $(UNIT_LDADD)

tests_unit_test_hit_table_SOURCES = tests/unit/test-hit-table.c
tests_unit_test_hit_table_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_test_hit_table_CFLAGS = $(UNIT_CFLAGS)
tests_unit_test_hit_table_LDADD = $(UNIT_LDADD)
