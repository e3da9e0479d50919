# Programs for the tests in tests/vm, built by tests/vm/host/build and brought into the guest.
GUEST_BINARIES = \
	tests/vm/programs/crowd \
	tests/vm/programs/hits \
	tests/vm/programs/hitter \
	tests/vm/programs/latency \
	tests/vm/programs/ioctl-check \
	tests/vm/programs/ioctl-churn \
	tests/vm/programs/naps \
	tests/vm/programs/ioctl-hold \
	tests/vm/programs/opener \
	tests/vm/programs/pacer \
	tests/vm/programs/ring-pages \
	tests/vm/programs/sleepers \
	tests/vm/programs/subscriber
EXTRA_PROGRAMS += $(GUEST_BINARIES)
CLEANFILES += $(GUEST_BINARIES)
vm-programs: $(GUEST_BINARIES)
.PHONY: vm-programs

tests_vm_programs_crowd_SOURCES = tests/vm/programs/crowd.c
tests_vm_programs_hits_SOURCES = tests/vm/programs/hits.c
tests_vm_programs_hitter_SOURCES = tests/vm/programs/hitter.c
tests_vm_programs_hitter_LDFLAGS = $(AM_LDFLAGS) -pthread
tests_vm_programs_latency_SOURCES = tests/vm/programs/latency.c daemon/ring.c
tests_vm_programs_latency_LDADD = libkprobed.la
tests_vm_programs_latency_CPPFLAGS = $(AM_CPPFLAGS) -iquote $(top_srcdir)/daemon
tests_vm_programs_pacer_SOURCES = tests/vm/programs/pacer.c
tests_vm_programs_ring_pages_SOURCES = tests/vm/programs/ring-pages.c
tests_vm_programs_naps_SOURCES = tests/vm/programs/naps.c
tests_vm_programs_opener_SOURCES = tests/vm/programs/opener.c
tests_vm_programs_opener_LDFLAGS = $(AM_LDFLAGS) -pthread
tests_vm_programs_sleepers_SOURCES = tests/vm/programs/sleepers.c
tests_vm_programs_sleepers_LDFLAGS = $(AM_LDFLAGS) -pthread
tests_vm_programs_subscriber_SOURCES = tests/vm/programs/subscriber.c
tests_vm_programs_subscriber_LDADD = libkprobed.la
tests_vm_programs_ioctl_check_SOURCES = \
	tests/vm/programs/ioctl-check-conditions.c \
	tests/vm/programs/ioctl-check-events.c \
	tests/vm/programs/ioctl-check-hist.c \
	tests/vm/programs/ioctl-check-joined.c \
	tests/vm/programs/ioctl-check-kit.c \
	tests/vm/programs/ioctl-check.c \
	tests/vm/programs/ioctl-check.h
tests_vm_programs_ioctl_check_LDFLAGS = $(AM_LDFLAGS) -pthread
tests_vm_programs_ioctl_hold_SOURCES = tests/vm/programs/ioctl-hold.c
tests_vm_programs_ioctl_churn_SOURCES = tests/vm/programs/ioctl-churn.c
tests_vm_programs_ioctl_churn_LDFLAGS = $(AM_LDFLAGS) -pthread
