/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What src/loader.c and the files of the single loaders share. */
#ifndef VFIO_CLAIM_LOADER_WAYS_H
#define VFIO_CLAIM_LOADER_WAYS_H

#include "loader.h"
#include "sentences.h"

/* One way to a boot loader; the functions are those of loader.h. */
struct loader_way {
	int (*base_line)(const struct root *root, const struct loader_state *before,
			 char **ret_line);
	int (*prepare)(const struct root *root, const struct kargs *arguments,
		       const struct loader_state *before, struct changes *changes,
		       struct command_lines *commands, struct loader_state *ret_after);
	/* loader_longest_line(). NULL: base_line() and what is added are all that the kernel gets. */
	int (*longest_line)(const struct root *root, const struct loader_state *before,
			    const struct loader_state *after, size_t *ret_length);
	int (*revert)(const struct root *root, const struct loader_state *before,
		      struct changes *changes, struct command_lines *commands);
	int (*verify)(const struct root *root, const struct kargs *arguments,
		      struct sentences *problems);
	/* How many boot entries `verify` looks into. NULL: none are made in this target. */
	int (*entries)(const struct root *root, size_t *ret_count);
};

extern const struct loader_way loader_grub_d;
extern const struct loader_way loader_grub_default;
extern const struct loader_way loader_grubby;
extern const struct loader_way loader_kernel_install;
extern const struct loader_way loader_uki_addon;
extern const struct loader_way loader_bootc;
extern const struct loader_way loader_rpm_ostree;

/* Signs that more than one file looks for. */
bool has_grubby(const struct root *root);
bool is_booted_ostree(const struct root *root); /* this host was */
bool makes_ukis(const struct root *root);       /* kernel-install does: layout=uki */
bool has_ukis(const struct root *root);         /* in the ESP */

/* The path (within the root) of the image in EFI/Linux that is of this kernel. False: there is
 * none, or its path is too long. */
bool find_uki(const struct root *root, const char *kernel, char path[256]);

bool has_entries(const struct root *root); /* of the Boot Loader Specification, in an ESP */
bool reads_grub_d(const struct root *root);
bool has_grub_mkconfig(const struct root *root);

/* --- Files of the target --- */

/* Reads a text; *ret_text is NULL (and the result 0) where there is no such file. */
int read_text(const struct root *root, const char *path, char **ret_text) MUST_CHECK;

/* True when the file is there and has `part` in it. */
bool text_has(const struct root *root, const char *path, const char *part);

struct names {
	char **items;
	size_t count;
};

/* Adds DIR/NAME of every file whose name ends with `suffix`, oldest version first. A directory
 * that is not there has none. Returns 0 or a negative errno. */
int list_files(const struct root *root, const char *dir, const char *suffix,
	       struct names *names) MUST_CHECK;

void names_free(struct names *names);

/* --- Boot Loader Specification --- */

struct bls_entry {
	char *path;
	char *version;      /* "" where it is not told */
	struct kargs words; /* of its options, variables expanded */
};

struct bls_entries {
	struct bls_entry *items; /* oldest version first */
	size_t count;
};

/* Reads the entries of a directory that have a `linux` line. Returns 0 or a negative errno. */
int bls_read(const struct root *root, const char *dir, struct bls_entries *entries) MUST_CHECK;

void bls_free(struct bls_entries *entries);

/* Adds a sentence for each entry that lacks an argument. */
int bls_verify(const struct bls_entries *entries, const struct kargs *arguments,
	       struct sentences *problems) MUST_CHECK;

/* True when every entry has all the arguments and none of the `stale` words. */
bool bls_are_as_wanted(const struct bls_entries *entries, const struct kargs *arguments,
		       const struct kargs *stale);

/* Adds a sentence to *problems for the first word that is missing. */
int verify_words(const char *what, const struct kargs *have, const struct kargs *arguments,
		 struct sentences *problems) MUST_CHECK;

/* --- The system partition and its PE files --- */

/* Where the ESP (or the boot partition of type XBOOTLDR) may be mounted; NULL at the end. */
extern const char *const boot_partitions[];

/* Reads the .cmdline section. Returns 0, -ENOENT (no file), -EBADMSG (no PE file or no such
 * section) or another negative errno. */
int read_pe_cmdline(const struct root *root, const char *path, struct kargs *ret_words,
		    bool *ret_signed) MUST_CHECK;

/* --- Several lines --- */

/* The words of several entries or images, each of which may be booted. */
struct view {
	struct kargs all;    /* words of any of them */
	struct kargs common; /* words that each of them has, in the order of the first */
};

/* Takes the words of one into the view. Returns 0 or -ENOMEM. */
int view_add(struct view *view, const struct kargs *words, bool first) MUST_CHECK;

void view_free(struct view *view);

/* Raises *length to the bytes of the words as one line. Returns 0 or -ENOMEM. */
int line_raise(const struct kargs *words, size_t *length) MUST_CHECK;

/* --- States --- */

/* A copy of a list. Returns 0 or -ENOMEM. */
int words_copy(const struct kargs *words, struct kargs *ret_copy) MUST_CHECK;

/* -ENOTSUP where words_pages_clash() with what the line has without ours, or -ENOMEM. */
int check_pages(const struct kargs *line, const struct loader_state *before,
		const struct kargs *ours) MUST_CHECK;

/* Words of ours that must go before others come: what the last apply put into the line and this
 * one does not; and what counts no more at the place where it is. */
int words_stale(const struct kargs *line, const struct loader_state *before,
		const struct kargs *ours, struct kargs *ret_stale) MUST_CHECK;

/* Those words of `before` that are not in `after`; a pair about huge pages as a pair. */
int words_difference(const struct kargs *before, const struct kargs *after,
		     struct kargs *ret_words) MUST_CHECK;

#endif
