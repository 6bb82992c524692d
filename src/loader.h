/* SPDX-License-Identifier: GPL-2.0-or-later */
/* How kernel arguments reach the boot loader of a target. */
#ifndef VFIO_CLAIM_LOADER_H
#define VFIO_CLAIM_LOADER_H

#include "changes.h"
#include "commands.h"
#include "kargs.h"

/* The ways there are; `--loader` and the state file use loader_names[]. */
enum loader {
	LOADER_GRUB_D,       /* grub-mkconfig that reads /etc/default/grub.d: Debian, Ubuntu */
	LOADER_GRUB_DEFAULT, /* other grub-mkconfig: a marked line in /etc/default/grub */
	LOADER_GRUBBY,       /* BLS entries: Fedora, RHEL */
	LOADER_KERNEL_INSTALL, /* /etc/kernel/cmdline: systemd-boot, UKIs made by kernel-install */
	LOADER_UKI_ADDON,      /* a signed or unsigned add-on beside the UKIs, made by ukify */
	LOADER_BOOTC,          /* /usr/lib/bootc/kargs.d: an image of bootc */
	LOADER_RPM_OSTREE,     /* rpm-ostree kargs: a booted ostree host */
	LOADER_COUNT,
};

/* The names, NULL-terminated, in the order of the enum. */
extern const char *const loader_names[];

/* Every file that one of them writes, NULL-terminated. */
extern const char *const loader_paths[];

/* Which of them the target has and why; one may need several in step (grubby and its files). */
struct loaders {
	bool used[LOADER_COUNT];
	const char *why[LOADER_COUNT]; /* "there is usr/sbin/grubby", a static string */
};

/*
 * Looks at what is in the target. None used: there is no boot loader in it. Returns 0, or the
 * negative errno with which a look failed: then the answer may be wrong.
 */
int loaders_detect(const struct root *root, struct loaders *ret_loaders) MUST_CHECK;

/* What was done to a loader, for the next run and for revert; kept in the state file. */
struct loader_state {
	struct kargs ours; /* the arguments as they were given to it */
	/* Words of others that ours stand in for: lists that ours are merged with, and of several
	 * entries the words that some had before all got them; and one word that begins with
	 * LOADER_CREATED where a file or a directory was made that others use too. */
	struct kargs replaced;
};

#define LOADER_CREATED "(created)"

void loader_state_free(struct loader_state *state);

/*
 * The arguments that this loader gives the kernel now without ours (see `before`), as one line,
 * for arguments_compose(). Returns 0 and *ret_line (owned by the caller), or a negative errno.
 */
int loader_base_line(enum loader loader, const struct root *root,
		     const struct loader_state *before, char **ret_line) MUST_CHECK;

/*
 * Adds what must be done so that the target boots with `arguments`: files to `changes`, tools
 * to `commands`. Nothing is added where that is so already.
 *
 * @before: of the last apply; empty for the first
 * @ret_after: release with loader_state_free()
 * Returns 0 or a negative errno: -ENOTSUP for two sizes of huge pages, or for one that would be
 * mixed up with what others say about huge pages in the same line, -EINVAL for an argument that
 * the loader's files or tools cannot hold, -ENOENT where vfio-claim is not installed in the
 * target (GRUB: its snippet).
 */
int loader_prepare(enum loader loader, const struct root *root, const struct kargs *arguments,
		   const struct loader_state *before, struct changes *changes,
		   struct command_lines *commands, struct loader_state *ret_after) MUST_CHECK;

/*
 * The bytes of the longest of several lines (entries or images) once the loader has what
 * loader_prepare() returned: loader_base_line() gives only what they have in common. Returns 0
 * and *ret_length (0 for a loader with one line), or a negative errno.
 */
int loader_longest_line(enum loader loader, const struct root *root,
			const struct loader_state *before, const struct loader_state *after,
			size_t *ret_length) MUST_CHECK;

/* Adds what must be done so that the target boots as it did without us; others' later edits
 * stay. Returns 0 or a negative errno. */
int loader_revert(enum loader loader, const struct root *root,
		  const struct loader_state *before, struct changes *changes,
		  struct command_lines *commands) MUST_CHECK;

/*
 * Looks into the boot entries that the loader has now (grub.cfg, BLS entries, add-ons) and
 * adds a sentence to *problems for each normal entry that lacks an argument and, for GRUB, each
 * recovery entry that does not switch the boot helper off (see cmdline.h). Returns 0 or a
 * negative errno.
 */
struct sentences;
int loader_verify(enum loader loader, const struct root *root, const struct kargs *arguments,
		  struct sentences *problems) MUST_CHECK;

/*
 * How many boot entries of the loader loader_verify() can look into: none where they are made
 * later or elsewhere. Returns 0 and *ret_count, or a negative errno.
 */
int loader_count_entries(enum loader loader, const struct root *root,
			 size_t *ret_count) MUST_CHECK;

/*
 * When the files that loader_verify() looks into were written, the latest of them, in seconds since
 * 1970; 0: not known, as where there are none. Returns 0 and *ret_time, or a negative errno.
 */
int loader_written(enum loader loader, const struct root *root, long long *ret_time) MUST_CHECK;

/* For people, where there are no entries: a static string that says how arguments get there. */
const char *loader_without_entries(enum loader loader);

#endif
