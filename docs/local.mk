# The man pages are made from scdoc's source where scdoc is there; the sources are what is distributed.
MAN_SOURCES = \
	docs/kprobectl.1.scd \
	docs/kprobed.8.scd \
	docs/kprobed.conf.5.scd \
	docs/kprobed-protocol.7.scd
EXTRA_DIST += $(MAN_SOURCES) docs/guide.md docs/check

if HAVE_SCDOC
MAN_PAGES = $(MAN_SOURCES:.scd=)
man_MANS = $(MAN_PAGES)
CLEANFILES += $(MAN_PAGES)

# An explicit rule: a suffix rule would have to know each section's number.
$(MAN_PAGES): %: %.scd
	$(AM_V_GEN)$(MKDIR_P) docs && $(SCDOC) < $< > $@.tmp && mv $@.tmp $@
endif
