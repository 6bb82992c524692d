/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What `vfio-claim apply` and `revert` do to a target: files, images, boot loaders. It is worked
 * out as a whole before anything is touched, so that a dry run shows what a real one does.
 */
#ifndef VFIO_CLAIM_DEPLOYMENT_H
#define VFIO_CLAIM_DEPLOYMENT_H

#include "initramfs.h"
#include "state.h"
#include "target.h"

/* For deployment_of_config(), in place of a loader. */
enum {
	LOADERS_AS_BEFORE = -1, /* the one that was chosen, else those that the target has */
	LOADERS_FOUND = -2,     /* those that the target has; a choice is forgotten */
	LOADERS_NONE = -3,      /* none: who boots the target gives it its arguments */
};

/* Why a loader is used that was chosen; for people. */
#define LOADER_CHOSEN "chosen with --loader"

struct deployment {
	const struct root *root;
	const struct claims
		*claims; /* what images shall have; NULL: nothing of ours (revert) */
	struct state before;
	struct state after;
	struct kernels kernels;
	struct kargs
		sealed; /* kernels that are here only in an image that was built elsewhere */
	enum generator generator;
	struct loaders loaders;
	struct target target;
	bool fixed;                  /* images are not ours to make: see initramfs_is_fixed() */
	size_t fixed_stale;          /* how many of these are not as wanted */
	bool foreign;                /* of an architecture whose tools do not run here */
	struct changes changes;      /* all but the state file */
	struct changes record;       /* of the state file alone: see journal.h */
	char *state_text;            /* what that is to be; NULL: to be removed */
	struct command_lines images; /* one for each image that is not as wanted */
	struct command_lines boot;   /* of the boot loaders */
	bool at_once;                /* some of `images` make boot entries too */
	struct kargs by_hand;        /* arguments that no boot loader of this target takes */
	struct sentences gaps;       /* what is wanted and this cannot do, with the remedy */
	struct sentences notes;      /* for people */
	char reason[256];            /* with an error: one sentence */
};

/*
 * Works out what makes the target as the configuration wants it.
 *
 * @loader: the only boot loader to be used, which is a choice that is kept; or LOADERS_*
 * @rebuild: false: images are left alone
 * Returns 0, -E2BIG (the kernel's command line is too long), -EBADMSG (the state file) or
 * another negative errno, with `reason`. Release with deployment_free() in any case.
 */
int deployment_of_config(const struct root *root, const struct config *config, int loader,
			 bool rebuild, struct deployment *deployment) MUST_CHECK;

/* Works out what takes everything back. `configured`: there is a configuration, which images
 * made from now on must not follow. Otherwise as above. */
int deployment_of_revert(const struct root *root, bool configured, bool rebuild,
			 struct deployment *deployment) MUST_CHECK;

/* True when nothing is to be changed. The target is as wanted if there are no gaps either. */
bool deployment_is_empty(const struct deployment *deployment);

/* True when there are kernels, but none that claims can be given to: see `sealed`. */
bool deployment_is_sealed(const struct deployment *deployment);

/* Prints the boot loaders found, a diff of every file and the commands. 0 or a negative errno. */
int deployment_print(const struct deployment *deployment) MUST_CHECK;

/*
 * Carries it out with progress on stdout: the files, then the images, then the boot loaders.
 * When a tool fails the files are put back, and stderr says what to do.
 * Returns 0, a negative errno, or the exit status of the tool that failed.
 */
int deployment_run(struct deployment *deployment) MUST_CHECK;

/*
 * Removes what a run that was killed left beside the files: names that end with .new~ and .old~.
 * Only where all is as wanted, for an .old~ may be the one copy of a file that could not be put
 * back. deployment_run() does it at its end.
 */
void deployment_tidy(const struct deployment *deployment);

/*
 * Opens what was built: each kernel's image, each boot entry. Adds a sentence for everything
 * that is not as wanted. Returns 0 or a negative errno.
 */
int deployment_verify(const struct deployment *deployment,
		      struct sentences *problems) MUST_CHECK;

/*
 * What deployment_verify() opened: initramfs images, and boot entries; 0 of them where there are
 * none yet. Returns 0 or a negative errno.
 */
int deployment_count(const struct deployment *deployment, size_t *ret_images,
		     size_t *ret_entries) MUST_CHECK;

void deployment_free(struct deployment *deployment);

#endif
