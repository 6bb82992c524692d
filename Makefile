# SPDX-License-Identifier: GPL-2.0-or-later
# make            build both programs into build/
# make check      every test, the virtual machines included (as root)
# make demo       the main job, shown on a virtual machine (as root)
# make machines   the machines that take longest: through GRUB with apply, recovery and revert;
#                 root over the network; SR-IOV (as root)
# make more-machines  after make check: the cells of its matrix that it leaves out, and the matrix
#                 with vfio-claim switched off, to hold `plan` against what happened (as root)
# make storage-machines  every machine whose storage is in danger (as root)
# make package-machines  machines that get vfio-claim as a package: installed, upgraded, removed,
#                 the power cut in between; a cloud's first boots; images that the
#                 recipes in packaging/image-builders have built (as root)
# make soak       300 boots of the matrix at random timings (BOOTS=300 SEED=1; as root)
# make deb        a Debian package in build/deb/
# make rpm        a package for Fedora and RHEL in build/rpm/RPMS/
# make dist       the source of a release, in build/; make sbom: and what it consists of, in SPDX
# make lab        the root trees and tools that check and demo use (as root)
# make bench      measures the programs, boots and images beside others', an hour or so (as root)
# make torture    fuzzers, SECONDS=60 each, then a fault at every system call (as root)
# V=1 shows commands, ASAN=1 builds with ASan and UBSan into build-asan/.

PREFIX ?= /usr
SBINDIR ?= $(PREFIX)/sbin
LIBEXECDIR ?= $(PREFIX)/lib/vfio-claim
DATADIR ?= $(PREFIX)/share/vfio-claim
PKG_CONFIG ?= pkg-config
DESTDIR ?=
# A helper with its debug sections would be five times as large in every initramfs.
INSTALL_PROGRAM ?= install -s

# Where the two initramfs systems look; dracut tells, initramfs-tools has one place.
DRACUT_MODULES_DIR ?= $(or $(shell $(PKG_CONFIG) --variable=dracutmodulesdir dracut 2>/dev/null),/usr/lib/dracut/modules.d)
INITRAMFS_TOOLS_DIR ?= $(or $(shell $(PKG_CONFIG) --variable=initramfstoolsdir initramfs-tools 2>/dev/null),/usr/share/initramfs-tools)

# bash-completion and zsh read these on their own.
BASHCOMPDIR ?= $(or $(shell $(PKG_CONFIG) --define-variable=prefix=$(PREFIX) --variable=completionsdir bash-completion 2>/dev/null),$(PREFIX)/share/bash-completion/completions)
ZSHCOMPDIR ?= $(PREFIX)/share/zsh/site-functions

# Under PREFIX, also where systemd says otherwise: /usr/local/lib/systemd/system is read too.
UNITDIR ?= $(PREFIX)/lib/systemd/system
UNITS := vfio-claim-status.service vfio-claim-ready.target

DRACUT_MODULE = $(DESTDIR)$(DRACUT_MODULES_DIR)/50vfio-claim
INITRAMFS_TOOLS = $(DESTDIR)$(INITRAMFS_TOOLS_DIR)

BUILD ?= $(if $(ASAN),build-asan,build)
MANDIR ?= $(PREFIX)/share/man
SCDOC ?= scdoc
MAN_NAMES := $(patsubst packaging/man/%.scd,%,$(wildcard packaging/man/*.scd))
# Built where scdoc is installed; the programs do not need it.
MAN_PAGES ?= $(if $(shell command -v $(SCDOC) 2>/dev/null),$(MAN_NAMES:%=$(BUILD)/man/%))

CFLAGS ?= -O2 -g
comma := ,
Q := $(if $(V),,@)

override CPPFLAGS += -D_GNU_SOURCE -Isrc -DLIBEXECDIR='"$(LIBEXECDIR)"' \
	-DSNIPPET='"$(patsubst /%,%,$(DATADIR))/90-vfio-claim.cfg"'
# Hardening, before what the builder gives, so that a distribution's own flags win. FORTIFY_SOURCE
# needs an optimiser and goes not with ASan; where it is given already it is left alone.
optimised := $(filter-out -O0,$(filter -O%,$(CFLAGS)))
fortified := $(findstring FORTIFY_SOURCE,$(CFLAGS) $(CPPFLAGS))
HARDENING_CFLAGS ?= -fPIE -fstack-protector-strong -fstack-clash-protection \
	$(if $(ASAN)$(fortified),,$(if $(optimised),-U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=2))
HARDENING_LDFLAGS ?= -pie -Wl,-z,relro -Wl,-z,now -Wl,-z,noexecstack

override CFLAGS := $(HARDENING_CFLAGS) $(CFLAGS)
override LDFLAGS := $(HARDENING_LDFLAGS) $(LDFLAGS)
override CFLAGS += -std=c17 -Wall -Wextra -Wconversion -Wshadow -Wstrict-prototypes \
	-Wmissing-prototypes $(if $(WERROR),-Werror) \
	$(if $(ASAN),-fsanitize=address$(comma)undefined -fno-sanitize-recover=all -fno-omit-frame-pointer)
override LDFLAGS += $(if $(ASAN),-fsanitize=address$(comma)undefined)


# The pure core: libc only, no input or output. `make lint` checks that with nm.
CORE := text pci claim config table cmdline match guards mount_table plan record udev_rule variant \
	sentences kargs arguments leftovers loader_text state owned_files uses natives runtime_rules \
	archive_names capture_text inventory inventory_text inventory_svg
CORE += lookup
CORE += findings readiness readiness_devices readiness_boot metrics
BOOT_EDGES := root scan modules apply log options storage named needs
TOOL_EDGES := root scan modules storage named needs usage runtime apply config_files image options target \
	leftover_files container \
	changes commands mounts kernel_install initramfs initramfs_image initramfs_inspect \
	loader $(patsubst src/%.c,%,$(filter-out src/loader_text.c,$(wildcard src/loader_*.c))) \
	run_log deployment journal caught_signals details names capture capture_machine snapshot_file temporary \
	tool command_check command_cmdline command_apply command_runtime command_image command_snapshot
CORE += warnings warnings_claims warnings_devices warnings_groups warnings_host
TOOL_EDGES += blacklists facts forecast dangers command_plan
TOOL_EDGES += boot_record evidence next_boot command_status
TOOL_EDGES += survey command_list
CORE += quoting
CORE += exports nova nova_text export_nova export_edpm export_genestack export_charms export_bright
CORE += base64 export_maas export_cloud_init export_machineconfig
CORE += leftover_arguments leftover_bindings
TOOL_EDGES += output_file command_export
PROGRAMS := $(BUILD)/vfio-claim $(BUILD)/vfio-claim-boot

# Evaluated where a program is linked, so that `make clean` needs no libraries.
BLKID_LIBS = $(shell $(PKG_CONFIG) --libs blkid)
KMOD_LIBS = $(shell $(PKG_CONFIG) --libs libkmod)
JSON_LIBS = $(shell $(PKG_CONFIG) --libs json-c)
ARCHIVE_LIBS = $(shell $(PKG_CONFIG) --libs libarchive)
PCI_LIBS = $(shell $(PKG_CONFIG) --libs libpci)

objects = $(patsubst %,$(BUILD)/%.o,$(1))

all: $(PROGRAMS) $(MAN_PAGES)

$(BUILD)/core.a: $(call objects,$(CORE))
	@echo "  AR    $@"
	$(Q)rm -f $@ && $(AR) rcs $@ $^

$(BUILD)/vfio-claim-boot: $(call objects,vfio-claim-boot $(BOOT_EDGES)) $(BUILD)/core.a
	@echo "  LD    $@"
	$(Q)$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $^ $(KMOD_LIBS) $(BLKID_LIBS)

$(BUILD)/vfio-claim: $(call objects,vfio-claim $(TOOL_EDGES)) $(BUILD)/core.a
	@echo "  LD    $@"
	$(Q)$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $^ $(KMOD_LIBS) $(BLKID_LIBS) $(JSON_LIBS) $(ARCHIVE_LIBS) $(PCI_LIBS)

$(BUILD)/%.o: src/%.c | $(BUILD)
	@echo "  CC    $@"
	$(Q)$(CC) $(CPPFLAGS) $(CFLAGS) -MMD -MP -c -o $@ $<

# One small C program a file of the core; each names the archive and nothing else.
UNIT_TESTS := $(patsubst tests/unit/test_%.c,$(BUILD)/unit/test_%,$(wildcard tests/unit/test_*.c))

$(BUILD)/unit/test_%: tests/unit/test_%.c $(BUILD)/core.a | $(BUILD)/unit
	@echo "  CC    $@"
	$(Q)$(CC) $(CPPFLAGS) $(CFLAGS) $(LDFLAGS) -MMD -MP -o $@ $< $(BUILD)/core.a -lcmocka

# What tests/loader.bats drives the boot loader code with; static, so that it runs inside a tree.
# No unit test: who builds a package may have no static libc.
LOADER_DRIVER := $(BUILD)/loader-driver
$(LOADER_DRIVER): tests/tools/loader-driver.c $(BUILD)/core.a $(call objects,root changes \
		commands mounts kernel_install loader $(patsubst src/%.c,%,$(filter-out src/loader_text.c,$(wildcard src/loader_*.c))))
	@echo "  CC    $@"
	$(Q)$(CC) $(CPPFLAGS) $(CFLAGS) $(if $(ASAN),$(LDFLAGS),-static $(filter-out -pie,$(LDFLAGS))) -MMD -MP -o $@ \
		$(filter-out %.a %.h,$^) $(BUILD)/core.a

loader-driver: $(LOADER_DRIVER)

unit-tests: $(UNIT_TESTS)

# Two lines that scdoc does not write: there are tables; and lines are not stretched in those either
# (groff 1.23, which warns of every word that is wider than its column otherwise).
$(BUILD)/man/%: packaging/man/%.scd | $(BUILD)/man
	@echo "  MAN   $@"
	$(Q)$(SCDOC) <$< >$@.scdoc
	$(Q){ printf "'%s\n" '\" t' && echo ".ds AD l" && cat $@.scdoc; } >$@.new && rm $@.scdoc && mv $@.new $@

$(BUILD) $(BUILD)/unit $(BUILD)/man:
	@mkdir -p $@

# Scripts name the programs by their whole paths, which are PREFIX's to say.
define install_script
	install -d $(dir $(2))
	sed -e 's|/usr/lib/vfio-claim/|$(LIBEXECDIR)/|g' -e 's|/usr/sbin/|$(SBINDIR)/|g' $(1) >$(2)
	chmod $(or $(3),0755) $(2)
endef

install: all install-man
	$(INSTALL_PROGRAM) -D -m 0755 $(BUILD)/vfio-claim $(DESTDIR)$(SBINDIR)/vfio-claim
	$(INSTALL_PROGRAM) -D -m 0755 $(BUILD)/vfio-claim-boot $(DESTDIR)$(LIBEXECDIR)/vfio-claim-boot
	$(call install_script,modules.d/50vfio-claim/module-setup.sh,$(DRACUT_MODULE)/module-setup.sh)
	$(call install_script,modules.d/50vfio-claim/vfio-claim-pre-udev.sh,$(DRACUT_MODULE)/vfio-claim-pre-udev.sh)
	$(call install_script,modules.d/50vfio-claim/vfio-claim-pre-pivot.sh,$(DRACUT_MODULE)/vfio-claim-pre-pivot.sh)
	$(call install_script,hooks/vfio-claim,$(INITRAMFS_TOOLS)/hooks/vfio-claim)
	$(call install_script,hooks/00-vfio-claim,$(INITRAMFS_TOOLS)/scripts/init-top/00-vfio-claim)
	$(call install_script,hooks/vfio-claim-post,$(INITRAMFS_TOOLS)/scripts/init-premount/vfio-claim-post)
	$(call install_script,hooks/vfio-claim-late,$(INITRAMFS_TOOLS)/scripts/local-bottom/vfio-claim-late)
	$(call install_script,hooks/vfio-claim-late,$(INITRAMFS_TOOLS)/scripts/nfs-bottom/vfio-claim-late)
	$(call install_script,grub.d/90-vfio-claim.cfg,$(DESTDIR)$(DATADIR)/90-vfio-claim.cfg,0644)
	install -D -m 0644 packaging/completions/vfio-claim.bash $(DESTDIR)$(BASHCOMPDIR)/vfio-claim
	install -D -m 0644 packaging/completions/_vfio-claim $(DESTDIR)$(ZSHCOMPDIR)/_vfio-claim
	$(call install_script,packaging/systemd/vfio-claim-status.service,$(DESTDIR)$(UNITDIR)/vfio-claim-status.service,0644)
	$(call install_script,packaging/systemd/vfio-claim-ready.target,$(DESTDIR)$(UNITDIR)/vfio-claim-ready.target,0644)

install-man: $(MAN_PAGES)
	$(Q)for page in $(notdir $(MAN_PAGES)); do \
		install -D -m 0644 "$(BUILD)/man/$$page" \
			"$(DESTDIR)$(MANDIR)/man$${page##*.}/$$page" || exit 1; \
	done

uninstall:
	rm -f $(DESTDIR)$(SBINDIR)/vfio-claim $(DESTDIR)$(LIBEXECDIR)/vfio-claim-boot \
		$(DRACUT_MODULE)/module-setup.sh $(DRACUT_MODULE)/vfio-claim-pre-udev.sh \
		$(INITRAMFS_TOOLS)/hooks/vfio-claim \
		$(INITRAMFS_TOOLS)/scripts/init-top/00-vfio-claim \
		$(DRACUT_MODULE)/vfio-claim-pre-pivot.sh \
		$(INITRAMFS_TOOLS)/scripts/init-premount/vfio-claim-post \
		$(INITRAMFS_TOOLS)/scripts/local-bottom/vfio-claim-late \
		$(INITRAMFS_TOOLS)/scripts/nfs-bottom/vfio-claim-late \
		$(DESTDIR)$(DATADIR)/90-vfio-claim.cfg \
		$(DESTDIR)$(BASHCOMPDIR)/vfio-claim $(DESTDIR)$(ZSHCOMPDIR)/_vfio-claim \
		$(UNITS:%=$(DESTDIR)$(UNITDIR)/%) \
		$(foreach page,$(MAN_NAMES),$(DESTDIR)$(MANDIR)/man$(subst .,,$(suffix $(page)))/$(page))
	-rmdir $(DRACUT_MODULE) $(DESTDIR)$(LIBEXECDIR) $(DESTDIR)$(DATADIR)

# What a package is made of. Packages are built in a copy, so that nothing is left in this tree.
SOURCES := $(wildcard Makefile README.md NEWS LICENSE .ci .github .clang-format .clang-tidy .gitignore \
	docs grub.d hooks modules.d packaging src tests)
VERSION := $(shell sed -n 's/.*VFIO_CLAIM_VERSION "\(.*\)"/\1/p' src/version.h)

# copy_sources DIRECTORY: there the tree as it is, without what was built in it.
define copy_sources
	rm -rf $(1) && mkdir -p $(1) && cp -a $(SOURCES) $(1)/
endef

# Seconds since 1970: the commit's, or in an unpacked archive that of its files.
DIST_DATE = $(or $(SOURCE_DATE_EPOCH),$(shell if [ -e .git ]; then git log -1 --format=%ct; else stat -c %Y Makefile; fi))

# pack DIRECTORY FILE: the same files give the same bytes, whoever packs them and when.
define pack
	tar --create --sort=name --format=gnu --owner=0 --group=0 --numeric-owner \
		--mode=u=rwX,go=rX --mtime=@$(DIST_DATE) -C $(dir $(1)) $(notdir $(1)) | gzip -9n >$(2)
endef

# The source of a release: what is committed; without git what is here.
DIST := $(BUILD)/vfio-claim-$(VERSION)
dist:
	@mkdir -p $(BUILD)
	if [ -e .git ]; then \
		rm -rf $(DIST) && mkdir $(DIST) && git archive HEAD | tar -x -C $(DIST); \
	else \
		$(call copy_sources,$(DIST)); \
	fi
	$(call pack,$(DIST),$(DIST).tar.gz)
	rm -rf $(DIST)
	@echo $(abspath $(DIST).tar.gz)

# What the release consists of, in SPDX; the libraries are those that programs above are linked with.
LIBRARIES = $(shell sed -nE 's/^[A-Z]+_LIBS = .*--libs ([a-z-]+).*/\1/p' Makefile)
sbom: dist
	packaging/make-sbom $(VERSION) $(DIST_DATE) $(DIST).tar.gz $(LIBRARIES) >$(DIST).spdx.json
	@echo $(abspath $(DIST).spdx.json)

# Nothing of this make's variables (BUILD, ASAN, CC) gets into a package.
CLEAN_ENV = env -i PATH="$$PATH" HOME="$$HOME" LC_ALL=C.UTF-8 \
	DEB_BUILD_OPTIONS="$$DEB_BUILD_OPTIONS" DEB_BUILD_PROFILES="$$DEB_BUILD_PROFILES"

deb:
	rm -rf $(BUILD)/deb
	$(call copy_sources,$(BUILD)/deb/vfio-claim)
	cp -a packaging/debian $(BUILD)/deb/vfio-claim/debian
	cd $(BUILD)/deb/vfio-claim && $(CLEAN_ENV) dpkg-buildpackage -b -us -uc
	@ls $(abspath $(BUILD))/deb/vfio-claim_*.deb

# A system whose packages are no .rpm cannot tell rpmbuild that the libraries are there.
RPMBUILD_FLAGS ?= $(shell rpm -q rpm >/dev/null 2>&1 || echo --nodeps)
rpm:
	rm -rf $(BUILD)/rpm
	$(call copy_sources,$(BUILD)/rpm/vfio-claim-$(VERSION))
	mkdir $(BUILD)/rpm/SOURCES
	install -D -m 0644 packaging/rpm/vfio-claim.spec $(BUILD)/rpm/SPECS/vfio-claim.spec
	$(call pack,$(BUILD)/rpm/vfio-claim-$(VERSION),$(BUILD)/rpm/SOURCES/vfio-claim-$(VERSION).tar.gz)
	$(CLEAN_ENV) rpmbuild $(RPMBUILD_FLAGS) --define "_topdir $(abspath $(BUILD))/rpm" \
		-ba $(BUILD)/rpm/SPECS/vfio-claim.spec
	@ls $(abspath $(BUILD))/rpm/RPMS/*/vfio-claim-$(VERSION)-*.rpm

check:
	$(Q)tests/check

lint:
	$(Q)tests/lint

lab:
	$(Q)tests/vm/lab deps
	$(Q)tests/vm/lab trees

# Machines that boot through GRUB, each with apply and revert, root over the network, SR-IOV:
# longer than `make check` may take.
machines:
	$(Q)tests/vm/lab deps check
	$(Q)tests/vm/lab apply
	$(Q)tests/vm/lab network

package-machines:
	$(Q)tests/vm/lab deps check
	$(Q)tests/vm/lab packaged
	$(Q)tests/vm/lab image-builders

# What `make check` has no time for of the machines that it runs: after it, on its facts.
more-machines:
	$(Q)tests/vm/lab deps check
	$(Q)tests/vm/lab rest
	$(Q)tests/vm/lab forecast

storage-machines:
	$(Q)tests/vm/lab deps check
	$(Q)tests/vm/lab storage

# BOOTS boots that follow from SEED; one that was stopped goes on. For an hour or more. As root.
soak:
	$(Q)tests/vm/lab deps
	$(Q)tests/vm/lab soak $(or $(BOOTS),300) $(or $(SEED),1)

# Figures, not tests: what is printed and what bounds it is in docs/performance.md. As root.
bench: all
	$(Q)tests/deps bench
	$(Q)BUILD=$(BUILD) tests/bench/bench

# Fuzzers, SECONDS each, with coverage; then every fault at every step. As root, for hours if asked.
torture: all unit-tests
	$(Q)tests/deps bench
	$(Q)BUILD=$(BUILD) tests/torture/torture $(or $(SECONDS),60)

demo:
	$(Q)tests/vm/lab deps
	$(Q)tests/vm/demo

# For scripts that build of the same files.
print-CORE:
	@echo $(CORE)

clean:
	rm -rf build build-asan build-clang

-include $(wildcard $(BUILD)/*.d $(BUILD)/unit/*.d)

.PHONY: all install install-man uninstall check lint lab machines storage-machines package-machines more-machines demo clean unit-tests loader-driver deb dist rpm sbom print-CORE bench torture soak
