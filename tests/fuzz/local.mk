# Fuzz targets. With --enable-fuzzers (clang) they are libFuzzer's: "make fuzz-short" runs each for
# FUZZ_SECONDS; for longer call one by hand. Without it "make check" replays their corpus.
FUZZ_TARGETS = \
	tests/fuzz/fuzz-btf \
	tests/fuzz/fuzz-btf-expr \
	tests/fuzz/fuzz-client-scan \
	tests/fuzz/fuzz-condition \
	tests/fuzz/fuzz-config \
	tests/fuzz/fuzz-filter \
	tests/fuzz/fuzz-hit \
	tests/fuzz/fuzz-probe-spec \
	tests/fuzz/fuzz-ring \
	tests/fuzz/fuzz-wire
FUZZ_SECONDS = 8

FUZZ_CPPFLAGS = $(libkprobed_daemon_la_CPPFLAGS) -iquote $(top_srcdir)/client
FUZZ_CFLAGS = $(libkprobed_daemon_la_CFLAGS)
FUZZ_LDADD = libkprobed-daemon.la

check_PROGRAMS += $(FUZZ_TARGETS)

if FUZZERS
FUZZ_MAIN =
FUZZ_LINK = $(AM_LDFLAGS) -fsanitize=fuzzer
else
FUZZ_MAIN = tests/fuzz/replay.c
FUZZ_LINK = $(AM_LDFLAGS)
TESTS += tests/fuzz/replay-corpus
endif

tests_fuzz_fuzz_btf_SOURCES = tests/fuzz/fuzz-btf.c $(FUZZ_MAIN)
tests_fuzz_fuzz_btf_CPPFLAGS = $(FUZZ_CPPFLAGS)
tests_fuzz_fuzz_btf_CFLAGS = $(FUZZ_CFLAGS)
tests_fuzz_fuzz_btf_LDFLAGS = $(FUZZ_LINK)
tests_fuzz_fuzz_btf_LDADD = $(FUZZ_LDADD) $(BPF_LIBS)

tests_fuzz_fuzz_btf_expr_SOURCES = tests/fuzz/fuzz-btf-expr.c tests/unit/btf-world.h $(FUZZ_MAIN)
tests_fuzz_fuzz_btf_expr_CPPFLAGS = $(FUZZ_CPPFLAGS)
tests_fuzz_fuzz_btf_expr_CFLAGS = $(FUZZ_CFLAGS)
tests_fuzz_fuzz_btf_expr_LDFLAGS = $(FUZZ_LINK)
tests_fuzz_fuzz_btf_expr_LDADD = $(FUZZ_LDADD) $(BPF_LIBS)

tests_fuzz_fuzz_client_scan_SOURCES = tests/fuzz/fuzz-client-scan.c $(FUZZ_MAIN)
tests_fuzz_fuzz_client_scan_CPPFLAGS = $(FUZZ_CPPFLAGS)
tests_fuzz_fuzz_client_scan_CFLAGS = $(FUZZ_CFLAGS)
tests_fuzz_fuzz_client_scan_LDFLAGS = $(FUZZ_LINK)
tests_fuzz_fuzz_client_scan_LDADD = libkprobectl.la libkprobed-core.la $(JSON_LIBS)

tests_fuzz_fuzz_condition_SOURCES = tests/fuzz/fuzz-condition.c tests/unit/condition-world.h $(FUZZ_MAIN)
tests_fuzz_fuzz_condition_CPPFLAGS = $(FUZZ_CPPFLAGS)
tests_fuzz_fuzz_condition_CFLAGS = $(FUZZ_CFLAGS)
tests_fuzz_fuzz_condition_LDFLAGS = $(FUZZ_LINK)
tests_fuzz_fuzz_condition_LDADD = $(FUZZ_LDADD)

tests_fuzz_fuzz_config_SOURCES = tests/fuzz/fuzz-config.c $(FUZZ_MAIN)
tests_fuzz_fuzz_config_CPPFLAGS = $(FUZZ_CPPFLAGS)
tests_fuzz_fuzz_config_CFLAGS = $(FUZZ_CFLAGS)
tests_fuzz_fuzz_config_LDFLAGS = $(FUZZ_LINK)
tests_fuzz_fuzz_config_LDADD = $(FUZZ_LDADD)

tests_fuzz_fuzz_filter_SOURCES = tests/fuzz/fuzz-filter.c tests/unit/filter-world.h $(FUZZ_MAIN)
tests_fuzz_fuzz_filter_CPPFLAGS = $(FUZZ_CPPFLAGS)
tests_fuzz_fuzz_filter_CFLAGS = $(FUZZ_CFLAGS)
tests_fuzz_fuzz_filter_LDFLAGS = $(FUZZ_LINK)
tests_fuzz_fuzz_filter_LDADD = $(FUZZ_LDADD)

tests_fuzz_fuzz_hit_SOURCES = tests/fuzz/fuzz-hit.c tests/unit/hit-record.h $(FUZZ_MAIN)
tests_fuzz_fuzz_hit_CPPFLAGS = $(FUZZ_CPPFLAGS)
tests_fuzz_fuzz_hit_CFLAGS = $(FUZZ_CFLAGS)
tests_fuzz_fuzz_hit_LDFLAGS = $(FUZZ_LINK)
tests_fuzz_fuzz_hit_LDADD = $(FUZZ_LDADD)

tests_fuzz_fuzz_probe_spec_SOURCES = tests/fuzz/fuzz-probe-spec.c $(FUZZ_MAIN)
tests_fuzz_fuzz_probe_spec_CPPFLAGS = $(FUZZ_CPPFLAGS)
tests_fuzz_fuzz_probe_spec_CFLAGS = $(FUZZ_CFLAGS)
tests_fuzz_fuzz_probe_spec_LDFLAGS = $(FUZZ_LINK)
tests_fuzz_fuzz_probe_spec_LDADD = $(FUZZ_LDADD)

tests_fuzz_fuzz_ring_SOURCES = tests/fuzz/fuzz-ring.c $(FUZZ_MAIN)
tests_fuzz_fuzz_ring_CPPFLAGS = $(FUZZ_CPPFLAGS)
tests_fuzz_fuzz_ring_CFLAGS = $(FUZZ_CFLAGS)
tests_fuzz_fuzz_ring_LDFLAGS = $(FUZZ_LINK)
tests_fuzz_fuzz_ring_LDADD = $(FUZZ_LDADD)

tests_fuzz_fuzz_wire_SOURCES = tests/fuzz/fuzz-wire.c $(FUZZ_MAIN)
tests_fuzz_fuzz_wire_CPPFLAGS = $(FUZZ_CPPFLAGS)
tests_fuzz_fuzz_wire_CFLAGS = $(FUZZ_CFLAGS)
tests_fuzz_fuzz_wire_LDFLAGS = $(FUZZ_LINK)
tests_fuzz_fuzz_wire_LDADD = $(FUZZ_LDADD)

# New inputs go to a folder of the build; a finding ends the run with the input that brought it.
fuzz-short: $(BUILT_SOURCES)
	@$(MAKE) $(AM_MAKEFLAGS) $(FUZZ_TARGETS)
	@for target in $(FUZZ_TARGETS); do \
		name=$${target#tests/fuzz/fuzz-}; \
		$(MKDIR_P) tests/fuzz/found/$$name; \
		echo "== $$name, $(FUZZ_SECONDS) seconds"; \
		./$$target -max_total_time=$(FUZZ_SECONDS) -print_final_stats=1 -verbosity=0 \
			-artifact_prefix=tests/fuzz/found/ tests/fuzz/found/$$name \
			$(top_srcdir)/tests/fuzz/corpus/$$name || exit 1; \
	done
.PHONY: fuzz-short

clean-local-fuzz:
	rm -rf tests/fuzz/found
.PHONY: clean-local-fuzz

EXTRA_DIST += tests/fuzz/corpus tests/fuzz/replay-corpus
