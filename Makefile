# Build, test, install.  GNU make.  One Makefile; no recursion; no configure.

VERSION  := 0.1
B        := $(if $(SAN),build-san,build)

WARN := -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wsign-conversion \
	-Wstrict-prototypes -Wmissing-prototypes -Wold-style-definition \
	-Wpointer-arith -Wcast-qual -Wcast-align -Wwrite-strings -Wundef \
	-Wvla -Wformat=2 -Wswitch-enum -Wnull-dereference
HARD := -D_FORTIFY_SOURCE=2 -fstack-protector-strong -fPIE
SANF := -O1 -g -fsanitize=address,undefined -fno-sanitize-recover=all \
	-fno-omit-frame-pointer

CFLAGS   ?= -O2 -g
# DEPS is where tests/run unpacks libraries for a user who cannot install them.
DEPS     := $(wildcard build/deps/usr)
ARCH     := $(if $(DEPS),$(shell $(CC) -print-multiarch))
override CPPFLAGS += -I. -I$(B)/gen -D_POSIX_C_SOURCE=200809L \
	$(if $(DEPS),-isystem $(DEPS)/include -isystem $(DEPS)/include/$(ARCH))
override LDFLAGS += $(if $(DEPS),-L$(DEPS)/lib/$(ARCH) \
	-Wl$(comma)-rpath$(comma)$(CURDIR)/$(DEPS)/lib/$(ARCH))
comma    := ,
ALL_C    := -std=c11 $(WARN) $(if $(WERROR),-Werror) $(CFLAGS) \
	$(if $(SAN),$(SANF),$(HARD))
ALL_LD   := $(LDFLAGS) $(if $(SAN),$(SANF),-pie -Wl,-z,relro,-z,now)
LIBS     := -Wl,--as-needed -lcdb -lidn2 -lcares -lz -lseccomp -lcrypt -lssl -lcrypto
# Only culver-policyd is on the web.  What libcurl wants lies beside it, where it
# was unpacked: an old tag is looked at for libraries of libraries, too.
CURL     := -lcurl $(if $(DEPS),-Wl$(comma)--disable-new-dtags)

# A directory is a program or a library; its sources are whatever is in it.
objs = $(patsubst %.c,$(B)/%.o,$(sort $(wildcard $(addsuffix /*.c,$1))))
own  = $(filter-out $(B)/$1/main.o $(B)/$1/main_%.o,$(call objs,$1))

# D/main.c is program culver-D; D/main_P.c is culver-P.  The rest of D is D.a,
# which its programs and its unit tests link.  tools/main.c is culver itself.
MAINS := $(sort $(wildcard */main.c */main_*.c))
PDIRS := $(filter-out lib wire control,$(sort $(patsubst %/,%,$(dir $(wildcard */*.c)))))
prog   = culver$(if $(filter tools/main.c,$1),,-$(if $(filter %/main.c,$1),$(1:/main.c=),$(patsubst main_%.c,%,$(notdir $1))))
BINS  := $(foreach m,$(MAINS),$(B)/bin/$(call prog,$m))

# The names that sendmail is run by are copies of one program.
SENDMAIL := $(addprefix $(B)/bin/,sendmail mailq newaliases)

# So are those that .qmail files call qmail's helpers by.
PLAIN := $(addprefix $(B)/bin/,bouncesaying condredirect except forward \
	maildirmake preline)

# And these are the names that other people's software calls qmail's by.
QMAIL := $(addprefix $(B)/bin/qmail-,inject newu pop3d qmqpc qmqpd qmtpd qread \
	qstat queue showctl smtpd)

all: $(BINS) $(SENDMAIL) $(PLAIN) $(QMAIL) ## build every program, into build/bin

help: ## list the targets
	@awk -F':.*## ' '/^[a-z-]+:.*## /{printf "make %-10s %s\n", $$1, $$2}' $(firstword $(MAKEFILE_LIST))
	@echo 'SAN=1 builds with address and undefined sanitizers, into build-san'
	@echo 'CC=clang, CFLAGS=..., WERROR=1 and DESTDIR=... are honoured'

$(foreach m,$(MAINS),$(eval \
  $(B)/bin/$(call prog,$m): $(B)/$(m:.c=.o) \
  $(filter-out $(B)/control.a,$(B)/$(patsubst %/,%,$(dir $m)).a) $(B)/libculver.a))
$(B)/bin/culver-policyd $(B)/tests/unit/policy/%: LIBS += $(CURL)
$(BINS):
	@mkdir -p $(@D)
	$(CC) $(ALL_LD) -o $@ $^ $(LIBS) $(LDLIBS)

$(SENDMAIL): $(B)/bin/culver-sendmail
	cp -f $< $@

$(PLAIN): $(B)/bin/%: $(B)/bin/culver-%
	cp -f $< $@

$(QMAIL): $(B)/bin/qmail-%: $(B)/bin/culver-%
	cp -f $< $@

$(B)/libculver.a: $(call own,lib) $(call own,wire) $(call own,control)
	@mkdir -p $(@D)
	rm -f $@ && $(AR) rcs $@ $^

.SECONDEXPANSION:
$(PDIRS:%=$(B)/%.a): $(B)/%.a: $$(call own,$$*)
	@mkdir -p $(@D)
	rm -f $@ && $(AR) rcs $@ $^

$(B)/%.o: %.c $(B)/gen/flags | $(B)/gen/home.h $(B)/gen/version.h
	@mkdir -p $(@D)
	$(CC) $(CPPFLAGS) $(ALL_C) -MMD -MP -c -o $@ $<

# The home directory, from the first line of conf-home (qmail's own way).
$(B)/gen/home.h: conf-home
	@mkdir -p $(@D)
	sed '1s/.*/#define HOME_DIR "&"/;q' conf-home > $@

$(B)/gen/version.h: $(firstword $(MAKEFILE_LIST))
	@mkdir -p $(@D)
	echo '#define VERSION "$(VERSION)"' > $@

# Changes only when compiler or flags do, and then everything is rebuilt.
$(B)/gen/flags: FORCE
	@mkdir -p $(@D)
	@echo '$(CC) $(CPPFLAGS) $(ALL_C)' | cmp -s - $@ || echo '$(CC) $(CPPFLAGS) $(ALL_C)' > $@

# tests/unit/P/M.c tests P/M.c (or lib/M.c, wire/M.c, control/M.c).
UNITS := $(patsubst %.c,$(B)/%,$(sort $(wildcard tests/unit/*/*.c)))
$(UNITS): $(B)/tests/unit/%: $(B)/tests/unit/%.o \
	$$(filter $(PDIRS:%=$(B)/%.a),$(B)/$$(firstword $$(subst /, ,$$*)).a) $(B)/libculver.a
	$(CC) $(ALL_LD) -o $@ $^ -lcmocka $(LIBS) $(LDLIBS)

# tests/crash/T/ is a tool of the crash tests.
FAULTRUN := $(B)/tests/crash/faultrun/faultrun
$(FAULTRUN): $(patsubst %.c,$(B)/%.o,$(sort $(wildcard tests/crash/faultrun/*.c))) \
	$(B)/libculver.a
	$(CC) $(ALL_LD) -o $@ $^ $(LIBS) $(LDLIBS)

# tests/system/resolve prints what a DNS server leads to.
RESOLVE := $(B)/tests/system/resolve
$(RESOLVE): $(B)/tests/system/resolve.o $(B)/remote.a $(B)/libculver.a
	$(CC) $(ALL_LD) -o $@ $^ $(LIBS) $(LDLIBS)

# tests/bench/tlsload makes short connections with TLS.
TLSLOAD := $(B)/tests/bench/tlsload
$(TLSLOAD): $(B)/tests/bench/tlsload.o
	$(CC) $(ALL_LD) -o $@ $^ $(LIBS) $(LDLIBS)

harness: all $(FAULTRUN) $(RESOLVE) ## what the crash and system tests run

check: $(UNITS) all ## unit tests, and the same with SAN=1
	@n=0; bad=0; for t in $(UNITS); do \
	  if $$t >$$t.log 2>&1; then n=$$((n+1)); \
	  else echo "FAIL $$t"; sed -n '/FAILED\|ERROR/p' $$t.log | head -40; bad=$$((bad+1)); fi; \
	done; echo "$$n unit programs passed, $$bad failed"; [ $$bad = 0 ]

crash: harness ## every promise of the queue, an hour; goes on where it stopped
	/usr/bin/python3 tests/crash/board.py $(CRASH)

long: crash-long ## the tests that take too long for tests/run
	/usr/bin/python3 -m pytest -q -p no:cacheprovider tests/system \
		-k "$$(tr '\n' ' ' <tests/system/long)"

crash-long: harness ## of them those of the crash tests
	/usr/bin/python3 -m pytest -q -p no:cacheprovider tests/crash \
		-k "$$(tr '\n' ' ' <tests/crash/long)"

bench: all $(TLSLOAD) ## measure culver beside Postfix, Dovecot and Courier; QUICK=1; as root
	/usr/bin/python3 tests/bench/bench.py $(if $(QUICK),--quick) $(BENCH)

bench-out: all ## show, with figures, that mail goes out as it should; as root
	/usr/bin/python3 tests/bench/out.py $(OUT)

bench-domains: all ## what a million domains and mailboxes cost at RCPT
	/usr/bin/python3 tests/bench/domains.py $(DOMAINS)

rootlines: ## count the lines that run as root in the daemons
	@tests/rootlines

lint: all ## formatting, analysis, both compilers, rules of the house
	@tests/lint

# What hier says is installed, and the folders it lies in; culver setup makes
# the others.
install: all ## into the folder that conf-home names; DESTDIR is honoured
	@home='$(DESTDIR)'$$(head -n 1 conf-home); \
	[ "$$(id -u)" = 0 ] && root='-o root -g root' || root=; \
	sed -e '/^#/d' -e '/^[^ ]*[|?] /d' hier | \
	while read -r path owner group mode; do \
		case $$path in \
		*/) grep -q "^$${path#./}[^ ]*[^/|? ] " hier || continue; \
			set -- -d "$$home/$$path";; \
		bin/*) set -- $(B)/$$path "$$home/bin/";; \
		doc/hier) set -- hier "$$home/doc/";; \
		man/*) set -- man/$${path##*/} "$$home/$${path%/*}/";; \
		*) set -- $$path "$$home/$${path%/*}/";; \
		esac; \
		install -m $$mode $$root "$$@" || exit 1; \
	done

clean: ## remove what was built
	rm -rf build build-san build-gcc build-clang

DIRS := lib wire control $(PDIRS)
SRC  := $(sort $(wildcard $(addsuffix /*.[ch],$(DIRS)) tests/unit/*/*.c))
.PHONY: bench bench-out bench-domains rootlines all help check crash crash-long long harness lint install clean FORCE
.DELETE_ON_ERROR:
.SECONDARY:
-include $(shell find $(B) -path $(B)/deps -prune -o -name '*.d' -print 2>/dev/null)
