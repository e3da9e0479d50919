# All of the daemon is one convenience library and main.c one call, so that tests and fuzzers link
# the real thing.
noinst_LTLIBRARIES += libkprobed-daemon.la
libkprobed_daemon_la_SOURCES = \
	daemon/access.c \
	daemon/access.h \
	daemon/btf-compile.c \
	daemon/btf-compile.h \
	daemon/btf-expr.c \
	daemon/btf-expr.h \
	daemon/btf-name.c \
	daemon/btf-name.h \
	daemon/btf-show.c \
	daemon/btf-show.h \
	daemon/btf-store.c \
	daemon/btf-store.h \
	daemon/btf-text.c \
	daemon/btf-type.c \
	daemon/btf-type.h \
	daemon/btf-value.c \
	daemon/btf-walk.c \
	daemon/btf-walk.h \
	daemon/calling.c \
	daemon/calling.h \
	daemon/config-keys.c \
	daemon/config-keys.h \
	daemon/config.c \
	daemon/config.h \
	daemon/control.c \
	daemon/control.h \
	daemon/decode-compile.c \
	daemon/decode-internal.h \
	daemon/decode.c \
	daemon/decode.h \
	daemon/delivery.c \
	daemon/delivery.h \
	daemon/disasm.c \
	daemon/disasm.h \
	daemon/disassemble.c \
	daemon/disassemble.h \
	daemon/event-format.c \
	daemon/event-log.c \
	daemon/event-log.h \
	daemon/event-text.c \
	daemon/event-text.h \
	daemon/fetch-arg.c \
	daemon/fetch-arg.h \
	daemon/fetch-leaf.c \
	daemon/fetch-leaf.h \
	daemon/fetch-type.c \
	daemon/fetch-type.h \
	daemon/fields.c \
	daemon/fields.h \
	daemon/filter-compile.c \
	daemon/filter-compile.h \
	daemon/filter-eval.c \
	daemon/filter-eval.h \
	daemon/filter-parse.c \
	daemon/filter-parse.h \
	daemon/filter-place.c \
	daemon/filter-place.h \
	daemon/filter-text.c \
	daemon/filter-text.h \
	daemon/filter-value.c \
	daemon/filter-value.h \
	daemon/flag-set.c \
	daemon/flag-set.h \
	daemon/foreign.c \
	daemon/foreign.h \
	daemon/function-lists.c \
	daemon/function-lists.h \
	daemon/helper-compare.c \
	daemon/helper-compare.h \
	daemon/helper-condition.c \
	daemon/helper-condition.h \
	daemon/helper-place.c \
	daemon/helper-place.h \
	daemon/helper-program.c \
	daemon/helper-hist.c \
	daemon/helper-hist.h \
	daemon/helper-program.h \
	daemon/helper.c \
	daemon/helper.h \
	daemon/hit-table.c \
	daemon/hit-table.h \
	daemon/hist-spec.c \
	daemon/hist-spec.h \
	daemon/instance.c \
	daemon/instance.h \
	daemon/interfaces.c \
	daemon/interfaces.h \
	daemon/json-text.c \
	daemon/json-text.h \
	daemon/kernel-text.c \
	daemon/kernel-text.h \
	daemon/knowledge.c \
	daemon/knowledge.h \
	daemon/kprobe-layout.c \
	daemon/kprobed.c \
	daemon/listener.c \
	daemon/listener.h \
	daemon/listing.c \
	daemon/listing.h \
	daemon/manager.c \
	daemon/manager.h \
	daemon/module-watch.c \
	daemon/module-watch.h \
	daemon/name-distance.c \
	daemon/name-distance.h \
	daemon/pace.h \
	daemon/plant.c \
	daemon/plant.h \
	daemon/privileges.c \
	daemon/privileges.h \
	daemon/probe-act.c \
	daemon/probe-add-plan.c \
	daemon/probe-add.c \
	daemon/probe-add.h \
	daemon/probe-args.c \
	daemon/probe-args.h \
	daemon/probe-filter.c \
	daemon/probe-head.c \
	daemon/probe-head.h \
	daemon/probe-modules.c \
	daemon/probe-notice.c \
	daemon/probe-poll.c \
	daemon/probe-reap.c \
	daemon/probe-resolve.c \
	daemon/probe-resolve.h \
	daemon/probe-set-internal.h \
	daemon/probe-set.c \
	daemon/probe-set.h \
	daemon/probe-spec-format.c \
	daemon/probe-spec.c \
	daemon/probe-spec.h \
	daemon/probe.c \
	daemon/probe.h \
	daemon/probeable.c \
	daemon/probeable.h \
	daemon/reader-internal.h \
	daemon/reader-pace.c \
	daemon/reader-pass.c \
	daemon/reader.c \
	daemon/reader.h \
	daemon/refusal.c \
	daemon/refusal.h \
	daemon/registers.c \
	daemon/registers.h \
	daemon/rights.c \
	daemon/rights.h \
	daemon/ring.c \
	daemon/ring.h \
	daemon/rpc-choice.c \
	daemon/rpc-choice.h \
	daemon/rpc-describe-json.c \
	daemon/rpc-describe-json.h \
	daemon/rpc-describe.c \
	daemon/rpc-disassemble.c \
	daemon/rpc-error.c \
	daemon/rpc-events.c \
	daemon/rpc-hist.c \
	daemon/rpc-hist.h \
	daemon/rpc-lookup.h \
	daemon/rpc-memory.c \
	daemon/rpc-metrics.c \
	daemon/rpc-probe-json.c \
	daemon/rpc-probe-json.h \
	daemon/rpc-probes.c \
	daemon/rpc-service.c \
	daemon/rpc-spec.c \
	daemon/rpc-spec.h \
	daemon/rpc-symbols.c \
	daemon/rpc.c \
	daemon/rpc.h \
	daemon/server.h \
	daemon/session.c \
	daemon/session.h \
	daemon/show-type.c \
	daemon/show-type.h \
	daemon/shown-number.c \
	daemon/shown-number.h \
	daemon/span.c \
	daemon/span.h \
	daemon/stream.c \
	daemon/stream.h \
	daemon/subscription.c \
	daemon/subscription.h \
	daemon/symbol-choice.c \
	daemon/symbol-choice.h \
	daemon/symbol-query.c \
	daemon/symbol-query.h \
	daemon/symbols-internal.h \
	daemon/symbols-load.c \
	daemon/symbols-similar.c \
	daemon/symbols.c \
	daemon/symbols.h \
	daemon/text-patch.c \
	daemon/text-patch.h \
	daemon/text-reserved.c \
	daemon/text-reserved.h \
	daemon/tracefs.c \
	daemon/tracefs.h \
	daemon/value-names.c \
	daemon/value-names.h \
	daemon/value-text.c \
	daemon/value-text.h \
	daemon/varlink-check.c \
	daemon/varlink-check.h \
	daemon/varlink-idl.c \
	daemon/varlink-idl.h \
	daemon/varlink-lexer.c \
	daemon/varlink-lexer.h \
	daemon/view.c \
	daemon/view.h \
	daemon/views.c \
	daemon/views.h \
	daemon/wakeup.c \
	daemon/wakeup.h
libkprobed_daemon_la_CPPFLAGS = $(AM_CPPFLAGS) -iquote $(top_srcdir)/daemon -iquote $(top_builddir)/daemon \
	-DINTERFACE_DIR='"$(top_srcdir)/include"' -DSYSCONFDIR='"$(sysconfdir)"'
libkprobed_daemon_la_CFLAGS = $(AM_CFLAGS) $(EVENT_CFLAGS) $(JSON_CFLAGS) $(TRACEFS_CFLAGS) \
	$(SYSTEMD_CFLAGS) $(INIH_CFLAGS) $(BPF_CFLAGS) $(CAPSTONE_CFLAGS) $(PCRE2_CFLAGS)
libkprobed_daemon_la_LIBADD = libkpcommon.la $(EVENT_LIBS) $(JSON_LIBS) $(TRACEFS_LIBS) \
	$(SYSTEMD_LIBS) $(INIH_LIBS) $(BPF_LIBS) $(CAPSTONE_LIBS) $(PCRE2_LIBS) -lpthread

# The interfaces are part of the binary (.incbin), which dependency tracking does not see: this header
# changes with them.
BUILT_SOURCES += daemon/interfaces-stamp.h
CLEANFILES += daemon/interfaces-stamp.h
daemon/interfaces-stamp.h: $(varlink_FILES)
	$(AM_V_GEN)$(MKDIR_P) daemon && \
		(printf '/* '; cat $^ | cksum | tr -d '\n'; printf ' */\n') > $@

sbin_PROGRAMS += kprobed
kprobed_SOURCES = daemon/main.c
kprobed_CPPFLAGS = $(libkprobed_daemon_la_CPPFLAGS)
kprobed_CFLAGS = $(libkprobed_daemon_la_CFLAGS)
kprobed_LDADD = libkprobed-daemon.la
