# Benchmarks: "make bench" records events in the guest of tests/vm (once, cached; minutes), then takes about a minute. Made
# and run on request only.
BENCH_BINARIES = \
	tests/bench/bench-client \
	tests/bench/bench-decode \
	tests/bench/bench-fanout \
	tests/bench/bench-memory \
	tests/bench/bench-symbols
EXTRA_PROGRAMS += $(BENCH_BINARIES)
CLEANFILES += $(BENCH_BINARIES)
EXTRA_DIST += docs/benchmarks.md tests/bench/record tests/bench/record-symbols tests/bench/shapes \
	tests/bench/in-guest \
	tests/bench/guest/common.py \
	tests/bench/guest/control.py \
	tests/bench/guest/end_to_end.py \
	tests/bench/guest/idle.py \
	tests/bench/guest/latency.py \
	tests/bench/guest/memory.py \
	tests/bench/guest/pages.py \
	tests/bench/guest/run \
	tests/bench/guest/stages.py

tests_bench_bench_client_SOURCES = tests/bench/bench-client.c tests/bench/timing.h
tests_bench_bench_client_CPPFLAGS = $(CLIENT_TEST_CPPFLAGS)
tests_bench_bench_client_LDADD = $(CLIENT_TEST_LDADD)

tests_bench_bench_decode_SOURCES = \
	tests/bench/bench-decode.c \
	tests/bench/allocations.c tests/bench/allocations.h \
	tests/bench/recording.c tests/bench/recording.h \
	tests/bench/shape.c tests/bench/shape.h \
	tests/bench/timing.h
tests_bench_bench_decode_CPPFLAGS = $(libkprobed_daemon_la_CPPFLAGS)
tests_bench_bench_decode_CFLAGS = $(libkprobed_daemon_la_CFLAGS)
tests_bench_bench_decode_LDADD = libkprobed-daemon.la

tests_bench_bench_fanout_SOURCES = tests/bench/bench-fanout.c tests/bench/timing.h
tests_bench_bench_fanout_CPPFLAGS = $(libkprobed_daemon_la_CPPFLAGS)
tests_bench_bench_fanout_CFLAGS = $(libkprobed_daemon_la_CFLAGS)
tests_bench_bench_fanout_LDADD = libkprobed-daemon.la

tests_bench_bench_memory_SOURCES = tests/bench/bench-memory.c tests/bench/timing.h
tests_bench_bench_memory_CPPFLAGS = $(libkprobed_daemon_la_CPPFLAGS) -iquote $(top_srcdir)/client
tests_bench_bench_memory_CFLAGS = $(libkprobed_daemon_la_CFLAGS)
tests_bench_bench_memory_LDADD = libkprobed-core.la libkprobed-daemon.la

tests_bench_bench_symbols_SOURCES = tests/bench/bench-symbols.c tests/bench/timing.h
tests_bench_bench_symbols_CPPFLAGS = $(libkprobed_daemon_la_CPPFLAGS)
tests_bench_bench_symbols_CFLAGS = $(libkprobed_daemon_la_CFLAGS)
tests_bench_bench_symbols_LDADD = libkprobed-daemon.la

bench: $(BENCH_BINARIES)
	recordings=$$($(top_srcdir)/tests/bench/record $(abs_builddir)) && \
		tests/bench/bench-decode $(BENCHFLAGS) "$$recordings"
	tests/bench/bench-fanout
	tests/bench/bench-memory
	tests/bench/bench-client
	symbols=$$($(top_srcdir)/tests/bench/record-symbols) && tests/bench/bench-symbols "$$symbols"
.PHONY: bench
