// SPDX-License-Identifier: GPL-2.0-or-later
/* What the next boot will have: initramfs images, boot entries, the files of apply. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "deployment.h"
#include "evidence.h"
#include "state.h"
#include "text.h"

static int look_at_image(const struct deployment *deployment, const char *release,
			 const char *running, struct facts *facts)
{
	struct kernel_facts *kernel =
		array_grow(&facts->kernels, facts->kernel_count, sizeof(*kernel));
	char image[256];

	if (kernel == NULL)
		return -ENOMEM;
	facts->kernel_count++;
	kernel->release = strdup(release);
	if (kernel->release == NULL)
		return -ENOMEM;
	kernel->running = strcmp(release, running) == 0;
	if (deployment->generator == GENERATOR_NONE)
		return 0;
	int r = initramfs_path(deployment->root, deployment->generator, release, image);
	if (r == 0) {
		kernel->image_time = file_time(deployment->root, image);
		r = initramfs_inspect(deployment->root, deployment->generator, release,
				      deployment->claims, &kernel->problems);
	}
	if (r == -ENOMEM)
		return r;
	kernel->current = r == 0 && kernel->problems.count == 0 ? ANSWER_YES : ANSWER_NO;
	if (r == -ENOENT)
		return sentences_add(&kernel->problems,
				     "/%s is not there: kernel %s has no "
				     "initramfs",
				     image, release);
	if (r == 0)
		return 0;
	kernel->current = ANSWER_UNKNOWN;
	return sentences_add(&facts->unread, "the initramfs of kernel %s cannot be read%s: %s",
			     release, r == -EACCES ? " without root" : "", strerror(-r));
}

static bool is_running_there(const struct kernels *kernels, const char *running)
{
	for (size_t i = 0; i < kernels->count; i++)
		if (strcmp(kernels->items[i], running) == 0)
			return true;
	return false;
}

static int look_at_images(const struct deployment *deployment, const char *running,
			  struct facts *facts)
{
	const struct kernels *kernels = &deployment->kernels;
	int r = 0;

	if (deployment->generator == GENERATOR_NONE)
		r = sentences_add(&facts->unread,
				  "no initramfs is looked at: neither dracut nor "
				  "initramfs-tools is here");
	if (r == 0 && !is_running_there(kernels, running))
		r = sentences_add(
			&facts->unread,
			"the running kernel%s%s is not among the installed ones, so its "
			"initramfs is not looked at",
			*running != '\0' ? " " : "", running);
	for (size_t i = 0; r == 0 && i < kernels->count; i++)
		r = look_at_image(deployment, kernels->items[i], running, facts);
	return r;
}

/* The words of ours that claims do not hold without. */
static int find_needed(const struct facts *facts, const struct kargs *ours,
		       struct kargs *ret_needed)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < ours->count; i++)
		if (!argument_is_spare(facts->config, facts->has_groups, ours->items[i]))
			r = kargs_append(ret_needed, ours->items[i]);
	return r;
}

static bool is_about_recovery(const char *sentence)
{
	return strstr(sentence, "recovery entry") != NULL;
}

static bool has_sentence(const struct sentences *sentences, const char *sentence)
{
	for (size_t i = 0; i < sentences->count; i++)
		if (strcmp(sentences->items[i], sentence) == 0)
			return true;
	return false;
}

/*
 * First all that is wrong, then what is wrong about needed words alone. A recovery entry is not
 * what the machine is to be ready with.
 */
static int look_at_loader(const struct deployment *deployment, enum loader loader,
			  struct facts *facts)
{
	const struct kargs *ours = &deployment->after.loader[loader].ours;
	struct sentences all = { 0 };
	struct sentences needed_only = { 0 };
	struct kargs needed = { 0 };
	int r = find_needed(facts, ours, &needed);

	if (r == 0)
		r = loader_verify(loader, deployment->root, ours, &all);
	if (r == 0)
		r = loader_verify(loader, deployment->root, &needed, &needed_only);
	for (size_t i = 0; r == 0 && i < needed_only.count; i++)
		if (!is_about_recovery(needed_only.items[i]))
			r = sentences_add(&facts->entry_problems, "%s", needed_only.items[i]);
	for (size_t i = 0; r == 0 && i < all.count; i++)
		if (!has_sentence(&facts->entry_problems, all.items[i]))
			r = sentences_add(&facts->entry_remarks, "%s", all.items[i]);
	kargs_free(&needed);
	sentences_free(&all);
	sentences_free(&needed_only);
	return r;
}

/* What is to be said of the entries, as the two answers about them. */
static void judge_entries(struct facts *facts)
{
	bool current = facts->entry_problems.count == 0;
	bool complete = current;

	for (size_t i = 0; i < facts->entry_remarks.count; i++)
		complete = complete && is_about_recovery(facts->entry_remarks.items[i]);
	facts->entries_current = current ? ANSWER_YES : ANSWER_NO;
	facts->entries_complete = complete ? ANSWER_YES : ANSWER_NO;
}

static int look_at_time(const struct deployment *deployment, enum loader loader,
			struct facts *facts)
{
	long long written = 0;
	int r = loader_written(loader, deployment->root, &written);

	if (r == 0 && written > facts->entries_time)
		facts->entries_time = written;
	return r;
}

static int look_at_loaders(const struct deployment *deployment, struct facts *facts)
{
	bool any = false;
	int r = 0;

	for (int i = 0; r == 0 && i < LOADER_COUNT; i++) {
		if (!deployment->after.used[i])
			continue;
		any = true;
		r = look_at_loader(deployment, (enum loader)i, facts);
		if (r == 0)
			r = look_at_time(deployment, (enum loader)i, facts);
	}
	if (r < 0 && r != -ENOMEM)
		return sentences_add(&facts->unread, "the boot entries cannot be read%s: %s",
				     r == -EACCES ? " without root" : "", strerror(-r));
	if (r == 0 && any)
		judge_entries(facts);
	return r;
}

/* What apply did here, and what it would do now. */
static int look_at_files(const struct deployment *deployment, struct facts *facts)
{
	const struct changes *changes = &deployment->changes;
	int r = 0;

	facts->reverted = deployment->before.reverted;
	/* Whether there is a state, not when it was written: images with reproducible times have
	 * all files from the first second of 1970. */
	facts->applied = root_has(deployment->root, STATE_PATH) && !facts->reverted ? ANSWER_YES
										    : ANSWER_NO;
	for (size_t i = 0; r == 0 && i < changes->count; i++) {
		AUTO_FREE char *path = NULL;

		if (asprintf(&path, "/%s", changes->items[i].path) < 0)
			path = NULL;
		r = path != NULL ? kargs_add(&facts->stale_files, path) : -ENOMEM;
	}
	return r;
}

int next_boot_look(const struct root *root, const struct config *config, const char *kernel,
		   struct facts *facts)
{
	struct deployment deployment = { 0 };
	/* As `apply --no-rebuild --dry-run`: the images are looked at one by one below. */
	int r = deployment_of_config(root, config, LOADERS_AS_BEFORE, false, &deployment);

	if (r < 0 && r != -ENOMEM)
		r = sentences_add(&facts->unread,
				  "what 'vfio-claim apply' would do cannot be worked out%s: %s",
				  r == -EACCES ? " without root" : "",
				  *deployment.reason ? deployment.reason : strerror(-r));
	else if (r == 0)
		r = look_at_files(&deployment, facts);
	facts->fixed = deployment.fixed;
	facts->by_hand = deployment.by_hand.count > 0;
	if (r == 0 && deployment.kernels.items != NULL)
		r = look_at_images(&deployment, kernel, facts);
	if (r == 0 && facts->applied == ANSWER_YES)
		r = look_at_loaders(&deployment, facts);
	deployment_free(&deployment);
	return r;
}
