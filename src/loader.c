// SPDX-License-Identifier: GPL-2.0-or-later
/* How kernel arguments reach the boot loader of a target: which ways there are. */
#include "loader.h"

#include <errno.h>
#include <string.h>

#include "loader_text.h"
#include "loader_ways.h"

static const struct loader_way *const ways[] = {
	[LOADER_GRUB_D] = &loader_grub_d,
	[LOADER_GRUB_DEFAULT] = &loader_grub_default,
	[LOADER_GRUBBY] = &loader_grubby,
	[LOADER_KERNEL_INSTALL] = &loader_kernel_install,
	[LOADER_UKI_ADDON] = &loader_uki_addon,
	[LOADER_BOOTC] = &loader_bootc,
	[LOADER_RPM_OSTREE] = &loader_rpm_ostree,
};

const char *const loader_paths[] = { "etc/default/grub", "etc/default/grub.d/90-vfio-claim.cfg",
				     "etc/kernel/cmdline",
				     "usr/lib/bootc/kargs.d/50-vfio-claim.toml", NULL };

static bool has_command(const struct root *root, const char *name)
{
	char path[COMMAND_PATH_SIZE];

	return command_find(root, name, path);
}

/* A mutable Fedora may have rpm-ostree too, for composing; its tree has none of these. */
static bool is_ostree_tree(const struct root *root)
{
	return root_has(root, "usr/lib/ostree-boot") ||
	       root_has(root, "usr/lib/ostree/prepare-root.conf") ||
	       root_has(root, "sysroot/ostree");
}

static void use(struct loaders *loaders, enum loader loader, const char *why)
{
	loaders->used[loader] = true;
	loaders->why[loader] = why;
}

/* An image whose boot entries are made elsewhere, from what it says of itself. True: no other
 * way is open. */
static bool detect_ostree(const struct root *root, struct loaders *loaders)
{
	if (is_booted_ostree(root)) {
		if (has_command(root, "rpm-ostree"))
			use(loaders, LOADER_RPM_OSTREE,
			    "the host was booted from an ostree and has rpm-ostree");
		return true;
	}
	if (root_has(root, "usr/lib/bootc")) {
		use(loaders, LOADER_BOOTC,
		    "there is usr/lib/bootc: bootc reads usr/lib/bootc/kargs.d at install "
		    "and upgrade");
		return true;
	}
	if (has_command(root, "rpm-ostree") && is_ostree_tree(root)) {
		use(loaders, LOADER_RPM_OSTREE,
		    "an ostree image without bootc: its arguments can only be set on the "
		    "booted host, by vfio-claim apply there");
		return true;
	}
	return false;
}

static void detect_grub(const struct root *root, struct loaders *loaders)
{
	if (has_grubby(root))
		use(loaders, LOADER_GRUBBY, "there are grubby and boot/loader/entries");
	if (!has_grub_mkconfig(root))
		return;
	if (reads_grub_d(root))
		use(loaders, LOADER_GRUB_D, "its grub-mkconfig reads /etc/default/grub.d");
	else if (has_grubby(root))
		use(loaders, LOADER_GRUB_DEFAULT,
		    "so that a later grub2-mkconfig keeps the arguments that grubby set");
	else
		use(loaders, LOADER_GRUB_DEFAULT,
		    "its grub-mkconfig does not read /etc/default/grub.d");
}

static void detect_systemd(const struct root *root, struct loaders *loaders)
{
	bool kernel_install = has_command(root, "kernel-install") && !has_grubby(root);

	if (root_has(root, "etc/kernel/cmdline"))
		use(loaders, LOADER_KERNEL_INSTALL,
		    "there is /etc/kernel/cmdline, for entries of kernels to come");
	else if (kernel_install && (has_entries(root) || makes_ukis(root)))
		use(loaders, LOADER_KERNEL_INSTALL,
		    "there are kernel-install and boot entries that it makes");
	if (has_ukis(root) && !makes_ukis(root) &&
	    (has_command(root, "ukify") || root_has(root, "usr/lib/systemd/ukify")))
		use(loaders, LOADER_UKI_ADDON,
		    "there are unified kernel images and ukify; under Secure Boot the add-on "
		    "counts only if it is signed (/etc/kernel/uki.conf)");
}

/*
 * Which distribution takes which way, and why. What counts is what the target has, not its
 * name, so that derivatives and changed set-ups go the right way too.
 *
 * - Debian, Ubuntu: grub.d. Their grub-mkconfig is patched (default-grub-d.patch) to read
 *   /etc/default/grub.d. A file there behind 50-cloudimg-settings.cfg wins over it, and no file
 *   of anybody else is touched.
 * - openSUSE, SLES, Arch, Gentoo (GRUB as it comes from upstream, 2.12 and 2.14 too): the
 *   marked line in /etc/default/grub, since there is no drop-in directory.
 * - Fedora, RHEL, CentOS: grubby, which edits each entry of boot/loader/entries. GRUB reads
 *   these; grub.cfg has no entries. grub2-mkconfig writes all entries anew from /etc/default/grub
 *   on Fedora (and with --update-bls-cmdline on RHEL), so the marked line goes there too;
 *   kernel-install takes /etc/kernel/cmdline for new kernels, so that file is kept in step
 *   where it is.
 * - systemd-boot (a Debian, Fedora or Arch set up for it): /etc/kernel/cmdline and
 *   kernel-install, for entries and for images (layout=uki) alike.
 * - Unified kernel images that are built elsewhere (RHEL's kernel-uki-virt): their arguments
 *   are sealed in, so an add-on beside them.
 * - bootc images (Fedora and RHEL image mode): kargs.d, before anything else, since what GRUB
 *   is told in an image does not reach the disk it is installed to.
 * - Fedora CoreOS, Silverblue, RHEL for Edge, booted: rpm-ostree, which owns the entries.
 */
int loaders_detect(const struct root *root, struct loaders *ret_loaders)
{
	*ret_loaders = (struct loaders){ 0 };
	(void)!root_take_trouble(); /* of somebody else's questions */
	if (!detect_ostree(root, ret_loaders)) {
		detect_grub(root, ret_loaders);
		detect_systemd(root, ret_loaders);
	}
	return root_take_trouble();
}

int loader_base_line(enum loader loader, const struct root *root,
		     const struct loader_state *before, char **ret_line)
{
	return ways[loader]->base_line(root, before, ret_line);
}

/*
 * hugepages= counts for the hugepagesz= before it (mm/hugetlb.c), so that a line may rightly have
 * it twice. The ways that look for each word by itself would lose one of them; what they do with
 * others' words about huge pages is theirs to look at (words_pages_clash()).
 */
static bool has_two_page_sizes(const struct kargs *arguments)
{
	size_t found = 0;

	for (size_t i = 0; i < arguments->count; i++)
		found += words_same_key(arguments->items[i], "hugepages=") ? 1 : 0;
	return found > 1;
}

int loader_prepare(enum loader loader, const struct root *root, const struct kargs *arguments,
		   const struct loader_state *before, struct changes *changes,
		   struct command_lines *commands, struct loader_state *ret_after)
{
	struct loader_state after = { 0 };
	int r = words_check(arguments);

	if (loader != LOADER_GRUB_D && loader != LOADER_GRUB_DEFAULT &&
	    has_two_page_sizes(arguments))
		return -ENOTSUP;
	if (r == 0)
		r = ways[loader]->prepare(root, arguments, before, changes, commands, &after);
	if (r < 0) {
		loader_state_free(&after);
		return r;
	}
	*ret_after = after;
	return 0;
}

int loader_longest_line(enum loader loader, const struct root *root,
			const struct loader_state *before, const struct loader_state *after,
			size_t *ret_length)
{
	size_t length = 0;
	int r = 0;

	if (ways[loader]->longest_line != NULL)
		r = ways[loader]->longest_line(root, before, after, &length);
	if (r == 0)
		*ret_length = length;
	return r;
}

int loader_revert(enum loader loader, const struct root *root,
		  const struct loader_state *before, struct changes *changes,
		  struct command_lines *commands)
{
	return ways[loader]->revert(root, before, changes, commands);
}

int loader_verify(enum loader loader, const struct root *root, const struct kargs *arguments,
		  struct sentences *problems)
{
	return ways[loader]->verify(root, arguments, problems);
}

int loader_count_entries(enum loader loader, const struct root *root, size_t *ret_count)
{
	*ret_count = 0;
	return ways[loader]->entries != NULL ? ways[loader]->entries(root, ret_count) : 0;
}

const char *loader_without_entries(enum loader loader)
{
	switch (loader) {
	case LOADER_GRUB_D:
	case LOADER_GRUB_DEFAULT:
		return "there is no grub.cfg with entries yet: grub-mkconfig gives the "
		       "arguments to those that it makes";
	case LOADER_KERNEL_INSTALL:
		return "no boot entry was found: those that kernel-install makes get the "
		       "arguments from /etc/kernel/cmdline; if there are some, mount their "
		       "partition (/efi, /boot or /boot/efi) and run this again";
	case LOADER_UKI_ADDON:
		return "no unified kernel image was found: mount their partition (/efi, /boot "
		       "or /boot/efi) and run this again";
	case LOADER_BOOTC:
		return "bootc gives the arguments to the boot entries, at install and upgrade";
	default:
		return "no boot entry was found: nothing has the arguments yet";
	}
}
