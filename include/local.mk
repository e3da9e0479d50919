varlinkdir = $(datadir)/varlink
varlink_FILES = \
	include/org.varlink.service.varlink \
	include/io.kprobed.Events.varlink \
	include/io.kprobed.Probes.varlink \
	include/io.kprobed.Service.varlink \
	include/io.kprobed.Symbols.varlink
dist_varlink_DATA = $(varlink_FILES)
include_HEADERS = include/kprobed.h include/kprobed-ioctl.h
