/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What boot loaders keep in files, read and edited as text: pure, libc only, no I/O. Every
 * function that makes a new text leaves the bytes of others alone.
 */
#ifndef VFIO_CLAIM_LOADER_TEXT_H
#define VFIO_CLAIM_LOADER_TEXT_H

#include <stdbool.h>
#include <stddef.h>

#include "cleanup.h"
#include "kargs.h"
#include "loader.h"

/* What grub-mkconfig sources, in the target: where the Makefile installs it. */
#ifdef SNIPPET
#define GRUB_SNIPPET SNIPPET
#else
#define GRUB_SNIPPET "usr/share/vfio-claim/90-vfio-claim.cfg"
#endif

/*
 * /etc/default/grub with our marked line, which sources GRUB_SNIPPET: at its end where it was
 * not there, or where a line behind it sets the kernel's arguments anew.
 *
 * @text: NULL: there is no such file
 * Returns 0 and *ret_text (owned by the caller), or -ENOMEM.
 */
int grub_line_add(const char *text, char **ret_text) MUST_CHECK;

/*
 * The same without the marked line. A final newline that was added for it goes too, unless
 * somebody wrote behind it. *ret_text is NULL when the file was made for the line and has
 * nothing else. Returns 0 and *ret_text (owned by the caller), or -ENOMEM.
 */
int grub_line_remove(const char *text, char **ret_text) MUST_CHECK;

bool grub_line_there(const char *text);

/* What of /etc/default/grub and of the files after it makes the kernel's arguments. */
struct grub_default {
	char *linux_args;   /* GRUB_CMDLINE_LINUX, or NULL */
	char *default_args; /* GRUB_CMDLINE_LINUX_DEFAULT, or NULL */
	bool unclear;       /* something sets them in a way that only a shell understands */
};

/*
 * Reads one file on top of those before it. Understood are NAME=VALUE and NAME+=VALUE with the
 * quotes of a shell, and references to these two variables within double quotes; no shell is
 * started and nothing is expanded otherwise. Returns 0 or -ENOMEM.
 */
int grub_default_read(const char *text, struct grub_default *variables) MUST_CHECK;

void grub_default_free(struct grub_default *variables);

/* One entry for Linux of a grub.cfg that grub-mkconfig made; points into its text. */
struct grub_entry {
	const char *title;
	size_t title_length;
	const char *line; /* the arguments of the kernel */
	size_t line_length;
	bool recovery;
};

/* Where the next entry is looked for; starts as { .next = TEXT }. */
struct grub_cfg {
	const char *next;
	bool ours;
	struct grub_entry entry;
};

/*
 * Finds the next entry in the sections of 10_linux and its like. Those of other systems
 * (30_os-prober), of memtest and of Xen, whose kernel does not see the IOMMU, are left out.
 * True with cfg->entry filled, or false at the end.
 */
bool grub_cfg_next(struct grub_cfg *cfg);

/*
 * The value of all lines with this key of a Boot Loader Specification entry, with a blank
 * between. Returns 0 and *ret_value (owned by the caller; "" for none), or -ENOMEM.
 */
int bls_value(const char *entry, const char *key, char **ret_value) MUST_CHECK;

/*
 * The words of an entry's options, with $NAME and ${NAME} replaced by what GRUB's environment
 * block has for them, as GRUB does (blscfg: $kernelopts, $tuned_params).
 *
 * @grubenv, @grub_cfg: their texts or NULL; the latter for its `set kernelopts="..."`
 * Returns 0 and *ret_words (release with kargs_free()), or -ENOMEM.
 */
int bls_words(const char *entry, const char *grubenv, const char *grub_cfg,
	      struct kargs *ret_words) MUST_CHECK;

/* Refuses what is not one word to the kernel, or has control characters, which no boot loader's
 * file can hold. Returns 0 or -EINVAL. */
int words_check(const struct kargs *words) MUST_CHECK;

/* -EINVAL for words that grubby would take for patterns: it hands them to sed and to a shell's
 * word splitting as they are. */
int words_check_grubby(const struct kargs *words) MUST_CHECK;

/*
 * True when the kernel and its readers see `word` in the line: the word itself, or for
 * parameters that are lists (modprobe.blacklist=) each of its elements.
 */
bool words_satisfy(const struct kargs *line, const char *word);

/* The same for a word of several: of a hugepagesz= and the hugepages= behind it neither is there
 * without the other. */
bool words_satisfy_at(const struct kargs *line, const struct kargs *words, size_t index);

/* The words that the line does not satisfy. Returns 0 and *ret_missing (release with
 * kargs_free()), or -ENOMEM. */
int words_missing(const struct kargs *line, const struct kargs *wanted,
		  struct kargs *ret_missing) MUST_CHECK;

/* The words that the line does satisfy, in their order, each as often as it is wanted. Returns 0
 * and *ret_present (release with kargs_free()), or -ENOMEM. */
int words_present(const struct kargs *line, const struct kargs *wanted,
		  struct kargs *ret_present) MUST_CHECK;

/*
 * The words of the line that are ours, for a tool that is told them one by one, in no pairs.
 * Returns 0 and *ret_words (release with kargs_free()), -ENOTSUP where it would take a word of
 * others away with them, which say the same count of huge pages for another size, or -ENOMEM.
 */
int words_removable(const struct kargs *line, const struct kargs *ours,
		    struct kargs *ret_words) MUST_CHECK;

/* What is left of a line without `state`: our words go, and elements of ours that somebody
 * merged into another value; the words of others that ours stood in for come back. Of a
 * hugepagesz= and the hugepages= behind it both are ours or neither.
 * Returns 0 and *ret_words (release with kargs_free()), or -ENOMEM. */
int words_without(const struct kargs *line, const struct loader_state *state,
		  struct kargs *ret_words) MUST_CHECK;

/*
 * True where our words about huge pages would not do, or would do harm to those of others: the
 * tools look for each word by itself, and hugepages=64 may be of any size. What is exactly ours
 * does no harm.
 */
bool words_pages_clash(const struct kargs *others, const struct kargs *ours);

/* True when both say the same about huge pages, in the same order. */
bool words_same_pages(const struct kargs *a, const struct kargs *b);

enum merge {
	MERGE_ALL,       /* every list: the loader keeps one word for a key (grubby) */
	MERGE_LAST_ONLY, /* lists of which the kernel reads only the last word */
	MERGE_SHARED,    /* the same, in a line that another tool merges every list of, too */
};

/*
 * The words to give to a loader that has `others` already: lists are merged with theirs.
 * Which of them `others` satisfy already is words_missing()'s to say.
 *
 * @ret_state: ours, and the words of others that these stand in for: with MERGE_ALL at once, with
 *             MERGE_SHARED once the other tool was there, with MERGE_LAST_ONLY none
 * Returns 0 or -ENOMEM.
 */
int words_merge(const struct kargs *others, const struct kargs *arguments, enum merge merge,
		struct loader_state *ret_state) MUST_CHECK;

/*
 * words_merge() for those arguments that a line has not without ours.
 *
 * @before: what of the line is ours, from the last time
 * Returns 0 and *ret_state (release with loader_state_free()), or -ENOMEM.
 */
int words_choose(const struct kargs *line, const struct kargs *arguments,
		 const struct loader_state *before, enum merge merge,
		 struct loader_state *ret_state) MUST_CHECK;

/* True when `replaced`, a word of others, comes back where `word` of ours goes: another list of
 * the same key, or the same word. */
bool words_gives_back(const char *word, const char *replaced);

/* "KEY=" up to and with its =, or the whole word: how long that is. */
size_t word_key_length(const char *word);

/* True when both are KEY=... of the same key; - and _ are alike. */
bool words_same_key(const char *a, const char *b);

/* True when both have the same name before = or their end: one for grubby. */
bool words_same_name(const char *a, const char *b);

/*
 * The words of /etc/kernel/cmdline or its like: those of all its lines but comments, which begin
 * with # (kernel-install(8)). No word has a newline in it. Returns 0 and *ret_words (release with
 * kargs_free()), or -ENOMEM.
 */
int cmdline_words(const char *text, struct kargs *ret_words) MUST_CHECK;

/*
 * A text of words (/etc/kernel/cmdline) without those of `stale`, each with one blank before
 * it, and with those of `added` at the end, never in a comment. Everything else stays, byte for
 * byte.
 * Returns 0 and *ret_text (owned by the caller), or -ENOMEM.
 */
int cmdline_edit(const char *text, const struct loader_state *stale, const struct kargs *added,
		 char **ret_text) MUST_CHECK;

/* The drop-in for bootc's kargs.d. Returns 0 and *ret_text (owned by the caller), or -ENOMEM. */
int bootc_render(const struct kargs *words, char **ret_text) MUST_CHECK;

/*
 * Adds the words of a kargs.d drop-in: the strings of `kargs = [...]`. Returns 0, -EBADMSG
 * where it is not understood, or -ENOMEM.
 */
int bootc_read(const char *text, struct kargs *words) MUST_CHECK;

/* So many first bytes of a PE file have all its headers. */
enum { PE_HEADERS_MOST = 8192 };

/* Where a section's bytes are in a PE file (a UKI, an add-on), as seen from its first bytes. */
struct pe_section {
	size_t offset;
	size_t size;
};

/* Finds a section. True and *ret_section, or false (also for what is no PE file). */
bool pe_find_section(const char *data, size_t length, const char *name,
		     struct pe_section *ret_section);

/* True when the PE file has signatures. */
bool pe_is_signed(const char *data, size_t length);

#endif
