// SPDX-License-Identifier: GPL-2.0-or-later
/* What `vfio-claim apply` and `revert` do to a target. */
#include "deployment.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "caught_signals.h"
#include "journal.h"
#include "loader_text.h"
#include "owned_files.h"
#include "readiness.h"
#include "run_log.h"
#include "text.h"

#define SEALED_IMAGE "lib/modules/%s/vmlinuz-virt.efi"

enum { LINE_SIZE_MOST = 65536 };

static int fail(struct deployment *deployment, int error, const char *what)
{
	(void)snprintf(deployment->reason, sizeof(deployment->reason), "%s: %s", what,
		       error == -ELOOP ? "it is a symbolic link, which is not followed"
				       : strerror(-error));
	return error;
}

/* There may be none. */
static int read_state(struct deployment *deployment)
{
	AUTO_FREE char *text = NULL;
	size_t length;
	unsigned line;
	int r = root_read(deployment->root, STATE_PATH, STATE_SIZE_MOST, &text, &length);

	if (r == -ENOENT)
		return 0;
	if (r < 0)
		return fail(deployment, r, "/" STATE_PATH);
	r = state_parse(text, &deployment->before, &line);
	if (r == -EBADMSG)
		(void)snprintf(deployment->reason, sizeof(deployment->reason),
			       "/" STATE_PATH
			       ":%u: not understood: it was damaged, or a newer version "
			       "wrote it",
			       line);
	return r;
}

static bool file_exists(const struct root *root, const char *path)
{
	/* An error is no answer: it is noted. */
	return root_has_entry(root, path) == 1;
}

/*
 * A removed kernel leaves its directory of modules behind when a module was built into it. Only
 * one that can be booted gets an initramfs.
 */
static bool can_be_booted(const struct root *root, enum generator generator, const char *kernel)
{
	static const char *const places[] = { "boot/vmlinuz-%s", "boot/vmlinux-%s",
					      "boot/Image-%s", "lib/modules/%s/vmlinuz" };
	char path[PATH_MAX];
	char image[256];

	for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
		const char *hole = strchr(places[i], '%');

		(void)snprintf(path, sizeof(path), "%.*s%s%s", (int)(hole - places[i]),
			       places[i], kernel, hole + 2);
		if (file_exists(root, path))
			return true;
	}
	return generator != GENERATOR_NONE &&
	       initramfs_path(root, generator, kernel, image) == 0 && file_exists(root, image);
}

/*
 * RHEL's kernel-uki-virt: a kernel and its initramfs in one signed file, for which nothing is
 * built here (its package; systemd's 90-uki-copy.install copies the file to EFI/Linux).
 */
static bool is_sealed(const struct root *root, const char *kernel)
{
	char path[PATH_MAX];

	(void)snprintf(path, sizeof(path), SEALED_IMAGE, kernel);
	return file_exists(root, path);
}

static int drop_dead_kernels(struct deployment *deployment)
{
	struct kernels *kernels = &deployment->kernels;
	size_t kept = 0;
	int r = 0;

	for (size_t i = 0; i < kernels->count; i++) {
		char *kernel = kernels->items[i];

		if (can_be_booted(deployment->root, deployment->generator, kernel)) {
			kernels->items[kept++] = kernel;
			continue;
		}
		if (r == 0 && is_sealed(deployment->root, kernel))
			r = kargs_add(&deployment->sealed, kernel);
		free(kernel);
	}
	kernels->count = kept;
	return r;
}

/* What both directions begin with. */
static int look_around(const struct root *root, struct deployment *deployment)
{
	deployment->root = root;
	int r = read_state(deployment);
	if (r == 0)
		r = kernels_find(root, &deployment->kernels);
	if (r < 0 && *deployment->reason == '\0')
		return fail(deployment, r, "the target's kernels cannot be found");
	if (r < 0)
		return r;
	(void)!root_take_trouble(); /* of somebody else's questions */
	deployment->generator = generator_detect(root);
	deployment->fixed = initramfs_is_fixed(root);
	r = drop_dead_kernels(deployment);
	int trouble = root_take_trouble();
	if (r == 0)
		r = trouble;
	if (r < 0)
		return fail(deployment, r, "the target's initramfs cannot be looked at");
	r = loaders_detect(root, &deployment->loaders);
	return r < 0 ? fail(deployment, r, "the target's boot loader cannot be looked at") : 0;
}

/* Directories that are not there yet are made on the way and go again with revert. */
static int note_directories(struct deployment *deployment, const char *path)
{
	char parent[PATH_MAX];

	for (const char *slash = strchr(path, '/'); slash != NULL;
	     slash = strchr(slash + 1, '/')) {
		struct stat st;

		(void)snprintf(parent, sizeof(parent), "%.*s", (int)(slash - path), path);
		int r = root_stat(deployment->root, parent, 0, &st);
		if (r == 0)
			continue;
		if (r != -ENOENT && r != -ENOTDIR)
			return fail(deployment, r, path);
		r = kargs_add(&deployment->after.directories, parent);
		if (r < 0)
			return r;
	}
	return 0;
}

static int own_file(struct deployment *deployment, const char *path, const char *text)
{
	int r = changes_add(&deployment->changes, deployment->root, path, text);

	if (r == 0 && text != NULL)
		r = kargs_add(&deployment->after.files, path);
	return r < 0 ? fail(deployment, r, path) : 0;
}

/* Files that an earlier apply wrote and this one does not. */
static int drop_old_files(struct deployment *deployment)
{
	const struct kargs *files = &deployment->before.files;
	int r = 0;

	for (size_t i = 0; r == 0 && i < files->count; i++)
		if (!kargs_has(&deployment->after.files, files->items[i]))
			r = own_file(deployment, files->items[i], NULL);
	return r;
}

static int add_owned_files(struct deployment *deployment, const struct config *config)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < OWNED_FILE_COUNT; i++) {
		AUTO_FREE char *text = NULL;

		r = owned_file_render(i, config, &deployment->target,
				      deployment->generator == GENERATOR_DRACUT, &text);
		if (r < 0)
			return fail(deployment, r, owned_file_paths[i]);
		if (text != NULL)
			r = own_file(deployment, owned_file_paths[i], text);
	}
	return r;
}

static int add_note(struct deployment *deployment, const char *note)
{
	for (size_t i = 0; i < deployment->notes.count; i++)
		if (strcmp(deployment->notes.items[i], note) == 0)
			return 0;
	return sentences_add(&deployment->notes, "%s", note);
}

/* What of the entries or images is longest must fit too, with what it is really given. */
static int check_longest(struct deployment *deployment, enum loader loader)
{
	const struct loader_state *after = &deployment->after.loader[loader];
	AUTO_FREE char *ours = NULL;
	size_t longest = 0;
	int r = kargs_join(&after->ours, &ours);

	if (r == 0 && *ours != '\0')
		r = loader_longest_line(loader, deployment->root,
					&deployment->before.loader[loader], after, &longest);
	if (r < 0)
		return fail(deployment, r, loader_names[loader]);
	return arguments_check_length(longest, strlen(ours), deployment->target.line_most,
				      deployment->reason);
}

/* Says why loader_prepare() failed. */
static int explain(struct deployment *deployment, int r, enum loader loader)
{
	const char *name = loader_names[loader];

	if (r == -EINVAL)
		(void)snprintf(deployment->reason, sizeof(deployment->reason),
			       "%s: an argument has characters that it would not keep "
			       "(quotes, *, +, $, brackets); look at extra_args",
			       name);
	else if (r == -ENOTSUP)
		(void)snprintf(deployment->reason, sizeof(deployment->reason),
			       "%s: it would mix up what is said of huge pages of several "
			       "sizes; say all of it in one place, in extra_args or in the "
			       "line that is there",
			       name);
	else if (r < 0)
		(void)fail(deployment, r, name);
	return r;
}

static int set_loader(struct deployment *deployment, const struct config *config,
		      enum loader loader)
{
	const struct loader_state *before = &deployment->before.loader[loader];
	struct arguments arguments = { 0 };
	AUTO_FREE char *base = NULL;
	int r = loader_base_line(loader, deployment->root, before, &base);

	if (r < 0)
		return fail(deployment, r, loader_names[loader]);
	r = arguments_compose(config, &deployment->target, base, &arguments,
			      deployment->reason);
	for (size_t i = 0; r == 0 && i < arguments.notes.count; i++)
		r = add_note(deployment, arguments.notes.items[i]);
	if (r == 0) {
		r = loader_prepare(loader, deployment->root, &arguments.kargs, before,
				   &deployment->changes, &deployment->boot,
				   &deployment->after.loader[loader]);
		r = r < 0 ? explain(deployment, r, loader) : check_longest(deployment, loader);
	}
	deployment->after.used[loader] = true;
	arguments_free(&arguments);
	return r;
}

static int unset_loader(struct deployment *deployment, enum loader loader)
{
	int r = loader_revert(loader, deployment->root, &deployment->before.loader[loader],
			      &deployment->changes, &deployment->boot);

	if (r == -ENOTSUP)
		(void)snprintf(
			deployment->reason, sizeof(deployment->reason),
			"%s: others want as many huge pages of another size, and a word of "
			"theirs could go with ours; take our hugepagesz= and hugepages= "
			"out by hand, then run this again",
			loader_names[loader]);
	else if (r < 0)
		(void)fail(deployment, r, loader_names[loader]);
	return r;
}

/* What the running kernel has is given already, by whatever starts this machine. */
static int find_by_hand(struct deployment *deployment, const struct kargs *arguments)
{
	AUTO_FREE char *line = NULL;
	struct kargs present = { 0 };
	size_t length = 0;
	int r = 0;

	if (deployment->root->is_host)
		r = root_read(deployment->root, "proc/cmdline", LINE_SIZE_MOST, &line, &length);
	if (r < 0 && r != -ENOENT)
		return fail(deployment, r, "/proc/cmdline");
	r = 0;
	if (line != NULL)
		r = kargs_parse(line, &present);
	if (r == 0)
		r = words_missing(&present, arguments, &deployment->by_hand);
	kargs_free(&present);
	return r;
}

/* No way to any boot loader: who runs us has to give the arguments. Where that was chosen, or
 * without one that the claims need, it is no more than a note. */
static int say_by_hand(struct deployment *deployment, const struct config *config)
{
	bool chosen = deployment->after.chosen;
	const struct kargs *words = &deployment->by_hand;
	AUTO_FREE char *line = NULL;
	bool needed = false;
	int r = kargs_join(words, &line);

	for (size_t i = 0; r == 0 && i < words->count; i++)
		needed = needed || !argument_is_spare(config, ANSWER_UNKNOWN, words->items[i]);
	if (r < 0 || words->count == 0)
		return r;
	return sentences_add(needed && !chosen ? &deployment->gaps : &deployment->notes,
			     "%s: give the kernel these arguments by hand: %s",
			     chosen ? "no boot loader is to be told"
				    : "there is no boot loader here that vfio-claim knows",
			     line);
}

static int leave_to_hand(struct deployment *deployment, const struct config *config)
{
	struct arguments arguments = { 0 };
	int r = arguments_compose(config, &deployment->target, "", &arguments,
				  deployment->reason);

	if (r == 0)
		r = find_by_hand(deployment, &arguments.kargs);
	if (r == 0)
		r = say_by_hand(deployment, config);
	arguments_free(&arguments);
	return r;
}

static bool uses_any(const struct state *state)
{
	for (int i = 0; i < LOADER_COUNT; i++)
		if (state->used[i])
			return true;
	return false;
}

/* The one that an earlier apply was told to use, LOADERS_NONE or LOADERS_FOUND. */
static int chosen_before(const struct state *before)
{
	if (!before->chosen)
		return LOADERS_FOUND;
	return before->choice == STATE_NO_LOADER ? LOADERS_NONE : before->choice;
}

static int set_loaders(struct deployment *deployment, const struct config *config, int only)
{
	int r = 0;

	if (only == LOADERS_AS_BEFORE)
		only = chosen_before(&deployment->before);
	deployment->after.chosen = only != LOADERS_FOUND;
	deployment->after.choice = only >= 0 ? only : STATE_NO_LOADER;
	for (int i = 0; r == 0 && i < LOADER_COUNT; i++) {
		bool wanted = only == LOADERS_FOUND ? deployment->loaders.used[i] : only == i;

		if (wanted)
			r = set_loader(deployment, config, (enum loader)i);
		else if (deployment->before.used[i])
			r = unset_loader(deployment, (enum loader)i);
	}
	if (r == 0 && !uses_any(&deployment->after))
		r = leave_to_hand(deployment, config);
	return r;
}

/* The remedies are rpm-ostree's own (rpm-ostree(1)), or those of who builds the image. */
static int say_fixed(struct deployment *deployment, const char *kernel)
{
	deployment->fixed_stale++;
	if (deployment->claims == NULL)
		return sentences_add(
			&deployment->gaps,
			"the initramfs of %s still has the claims, and it belongs to the image "
			"that this system was booted from: run 'rpm-ostree initramfs "
			"--disable' "
			"if it was made on this host, else rebuild the image; then reboot",
			kernel);
	return sentences_add(
		&deployment->gaps,
		"the initramfs of %s is not as the configuration says, and it belongs to the "
		"image that this system was booted from: run 'rpm-ostree initramfs --enable' "
		"(with --disable before it where that is enabled already), or rebuild the "
		"image; then reboot",
		kernel);
}

/* One command for an image that is not as wanted, or that is not there. */
static int add_image(struct deployment *deployment, const char *kernel)
{
	struct sentences problems = { 0 };
	int r = initramfs_inspect(deployment->root, deployment->generator, kernel,
				  deployment->claims, &problems);
	bool wanted = r == 0 && problems.count == 0;

	sentences_free(&problems);
	if (r == -ENOMEM || wanted || (r == -ENOENT && deployment->claims == NULL))
		return r == -ENOMEM ? r : 0;
	/* Only a dry run gets here without the right to read it. */
	if (r == -EACCES)
		return sentences_add(&deployment->notes,
				     "the initramfs of %s cannot be read without root: it may "
				     "have to be rebuilt",
				     kernel);
	if (deployment->fixed)
		return say_fixed(deployment, kernel);
	return initramfs_add_rebuild(deployment->root, deployment->generator, kernel,
				     &deployment->images);
}

static int add_images(struct deployment *deployment)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < deployment->kernels.count; i++) {
		const char *kernel = deployment->kernels.items[i];

		r = add_image(deployment, kernel);
		if (r < 0)
			(void)fail(deployment, r, kernel);
	}
	if (deployment->foreign)
		command_lines_write_in_place(&deployment->images);
	/* kernel-install makes the initramfs and the entry, or both in one image, at once. */
	size_t before = deployment->boot.count;
	command_lines_drop(&deployment->boot, &deployment->images);
	deployment->at_once = deployment->boot.count < before;
	return r;
}

/* Every directory that the changes make, kept with those of earlier runs. */
static int collect_directories(struct deployment *deployment)
{
	const struct kargs *old = &deployment->before.directories;
	int r = 0;

	for (size_t i = 0; r == 0 && i < old->count; i++)
		r = kargs_add(&deployment->after.directories, old->items[i]);
	for (size_t i = 0; r == 0 && i < deployment->changes.count; i++)
		if (deployment->changes.items[i].new_text != NULL)
			r = note_directories(deployment, deployment->changes.items[i].path);
	return r == 0 ? note_directories(deployment, STATE_PATH) : r;
}

/* `kept`: there is to be a state file. */
static int set_state(struct deployment *deployment, bool kept)
{
	int r = kept ? state_render(&deployment->after, &deployment->state_text) : 0;

	if (r == 0)
		r = changes_add(&deployment->record, deployment->root, STATE_PATH,
				deployment->state_text);
	return r < 0 ? fail(deployment, r, "/" STATE_PATH) : 0;
}

static int add_state(struct deployment *deployment)
{
	int r = collect_directories(deployment);

	return r < 0 ? fail(deployment, r, "/" STATE_PATH) : set_state(deployment, true);
}

/* A note for each kernel that nothing can be put into. */
static int note_sealed(struct deployment *deployment)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < deployment->sealed.count; i++) {
		const char *kernel = deployment->sealed.items[i];

		r = sentences_add(&deployment->notes,
				  "%s is here only in a unified kernel image that was built "
				  "elsewhere (/" SEALED_IMAGE "): the claims and the boot "
				  "helper are not in it; install the same kernel with an "
				  "initramfs of its own (kernel-core) and boot that",
				  kernel, kernel);
	}
	return r;
}

static int add_target_notes(struct deployment *deployment)
{
	int r = note_sealed(deployment);

	if (r == 0 && deployment_is_sealed(deployment))
		return sentences_add(&deployment->gaps,
				     "no kernel here has the claims (see the notes)");
	if (r < 0)
		return r;
	if (deployment->generator == GENERATOR_NONE)
		return sentences_add(
			deployment->claims->count > 0 ? &deployment->gaps : &deployment->notes,
			"neither dracut nor initramfs-tools is here: nothing puts "
			"the claims into an initramfs; install one of them and run "
			"this again");
	if (deployment->kernels.count == 0)
		return add_note(deployment,
				"there is no kernel here yet: each one gets its initramfs with "
				"the claims when it is installed");
	return 0;
}

/* For a tree of another architecture only files are written. */
static int find_target(const struct root *root, const struct config *config,
		       struct deployment *deployment)
{
	int r = target_find(root, config, &deployment->target);

	if (r < 0)
		return fail(deployment, r, "the target cannot be read");
	deployment->foreign =
		!root->is_host && deployment->target.architecture != architecture_of_host();
	return 0;
}

int deployment_of_config(const struct root *root, const struct config *config, int loader,
			 bool rebuild, struct deployment *deployment)
{
	int r = look_around(root, deployment);

	deployment->claims = &config->claims;
	if (r == 0)
		r = find_target(root, config, deployment);
	if (r == 0)
		r = add_target_notes(deployment);
	if (r == 0)
		r = add_owned_files(deployment, config);
	if (r == 0)
		r = drop_old_files(deployment);
	if (r == 0)
		r = set_loaders(deployment, config, loader);
	if (r == 0 && rebuild && deployment->generator != GENERATOR_NONE)
		r = add_images(deployment);
	return r == 0 ? add_state(deployment) : r;
}

static bool is_parent(const char *directory, const char *path)
{
	size_t length = strlen(directory);

	return strncmp(directory, path, length) == 0 && path[length] == '/';
}

/* After a revert a configuration that stays must not get into the next kernel's image. */
static int add_reverted_state(struct deployment *deployment, bool configured)
{
	const struct kargs *made = &deployment->before.directories;
	int r = 0;

	deployment->after.reverted = configured;
	if (configured) {
		for (size_t i = 0; r == 0 && i < made->count; i++)
			if (is_parent(made->items[i], STATE_PATH))
				r = kargs_add(&deployment->after.directories, made->items[i]);
		if (r == 0)
			r = note_directories(deployment, STATE_PATH);
	}
	return r < 0 ? fail(deployment, r, "/" STATE_PATH) : set_state(deployment, configured);
}

int deployment_of_revert(const struct root *root, bool configured, bool rebuild,
			 struct deployment *deployment)
{
	static const struct config nothing = { 0 };
	int r = look_around(root, deployment);

	if (r == 0)
		r = find_target(root, &nothing, deployment);
	for (int i = 0; r == 0 && i < LOADER_COUNT; i++)
		if (deployment->before.used[i])
			r = unset_loader(deployment, (enum loader)i);
	if (r == 0)
		r = drop_old_files(deployment);
	if (r == 0)
		r = own_file(deployment, LAST_ARGUMENTS_PATH, NULL);
	if (r == 0 && rebuild && deployment->generator != GENERATOR_NONE)
		r = add_images(deployment);
	return r == 0 ? add_reverted_state(deployment, configured) : r;
}

bool deployment_is_empty(const struct deployment *deployment)
{
	return deployment->changes.count == 0 && deployment->images.count == 0 &&
	       deployment->boot.count == 0 && deployment->record.count == 0;
}

bool deployment_is_sealed(const struct deployment *deployment)
{
	return deployment->claims != NULL && deployment->kernels.count == 0 &&
	       deployment->sealed.count > 0;
}

static int print_commands(const struct command_lines *lines)
{
	for (size_t i = 0; i < lines->count; i++) {
		AUTO_FREE char *line = command_line_render(&lines->items[i]);

		if (line == NULL)
			return -ENOMEM;
		(void)printf("run: %s\n", line);
	}
	return 0;
}

static void print_loaders(const struct deployment *deployment)
{
	for (int i = 0; i < LOADER_COUNT; i++)
		if (deployment->after.used[i])
			(void)printf("boot loader: %s (%s)\n", loader_names[i],
				     deployment->after.chosen ? LOADER_CHOSEN
							      : deployment->loaders.why[i]);
}

/* The state is the last of them. */
static int print_files(const struct deployment *deployment)
{
	const struct changes *files = &deployment->changes;
	const struct changes *record = &deployment->record;
	struct changes all = { .count = files->count + record->count };

	all.items = calloc(all.count + 1, sizeof(*all.items));
	if (all.items == NULL)
		return -ENOMEM;
	for (size_t i = 0; i < all.count; i++)
		all.items[i] =
			i < files->count ? files->items[i] : record->items[i - files->count];
	int r = changes_print_diff(&all);
	free(all.items);
	return r;
}

int deployment_print(const struct deployment *deployment)
{
	print_loaders(deployment);
	int r = print_files(deployment);
	if (r == 0)
		r = print_commands(&deployment->images);
	return r == 0 ? print_commands(&deployment->boot) : r;
}

/* Runs one tool with its progress on one line. Returns 0, a negative errno or its status. */
static int run_command(const struct run_log *log, const struct command_line *line,
		       size_t number, size_t total)
{
	time_t begin = time(NULL);

	(void)printf("[%zu/%zu] %s ... ", number, total, line->title);
	(void)fflush(stdout);
	int r = command_run(log->root, line, log->fd);
	/* What is done is done: there is nothing more to be interrupted. */
	if (r == 0 && number < total && signals_came())
		r = -EINTR;
	if (r == 0)
		(void)printf("ok, %ld s\n", (long)(time(NULL) - begin));
	else
		(void)printf("failed\n");
	(void)fflush(stdout);
	return r;
}

static void report_status(const struct run_log *log, int status)
{
	(void)fprintf(stderr, "ended with status %d; its output ", status);
	if (log->has_path)
		(void)fprintf(stderr, "is in %s/" RUN_LOG_PATH "\n", log->root->path);
	else
		(void)fprintf(stderr, "ends with\n");
	run_log_print_end(log);
}

static void report_command(const struct run_log *log, const struct command_line *line,
			   int result)
{
	AUTO_FREE char *words = command_line_render(line);

	(void)fprintf(stderr, "vfio-claim: %s: ", words ? words : line->title);
	if (result == -EINTR)
		(void)fprintf(stderr, "interrupted\n");
	else if (result < 0)
		(void)fprintf(stderr, "cannot be run: %s\n", strerror(-result));
	else
		report_status(log, result);
}

/* An image that its tool wrote beside the old one takes its place when it is whole. */
static int run_commands(const struct run_log *log, const struct command_lines *lines,
			size_t first, size_t total)
{
	const struct root *root = log->root;

	for (size_t i = 0; i < lines->count; i++) {
		int r = run_command(log, &lines->items[i], first + i + 1, total);

		if (r == 0 && lines->items[i].staged != NULL) {
			r = root_install(root, lines->items[i].staged);
			if (r < 0)
				(void)fprintf(stderr, "vfio-claim: /%s: %s\n",
					      lines->items[i].staged, strerror(-r));
		} else if (r != 0) {
			report_command(log, &lines->items[i], r);
		}
		if (r != 0) {
			if (lines->items[i].staged != NULL)
				root_unstage(root, lines->items[i].staged);
			return r;
		}
	}
	return 0;
}

/* Those of one list that are not in the other; what others use in them stays. */
static void remove_directories(const struct root *root, const struct kargs *made,
			       const struct kargs *kept)
{
	/* Children come after their parents in the list. */
	for (size_t i = made->count; i > 0; i--)
		if (!kargs_has(kept, made->items[i - 1]))
			(void)!root_remove_directory(root, made->items[i - 1]);
}

static void remove_new_directories(const struct deployment *deployment)
{
	remove_directories(deployment->root, &deployment->after.directories,
			   &deployment->before.directories);
}

/* *ret_told: whether a tool was run that makes boot entries. */
static int run_tools(const struct deployment *deployment, bool *ret_told)
{
	size_t images = deployment->images.count;
	size_t total = images + deployment->boot.count;
	struct run_log log;
	int r = run_log_open(deployment->root, &log);

	if (r < 0) {
		(void)fprintf(stderr,
			      "vfio-claim: there is no place for the output of tools: %s\n",
			      strerror(-r));
		return r;
	}
	*ret_told = deployment->at_once;
	r = run_commands(&log, &deployment->images, 0, total);
	if (r == 0 && deployment->boot.count > 0)
		*ret_told = true;
	if (r == 0)
		r = run_commands(&log, &deployment->boot, images, total);
	if (r == 0)
		run_log_remove(&log);
	run_log_close(&log);
	return r;
}

static void report_undone(int result, bool told)
{
	(void)fprintf(stderr, result == 0
				      ? "vfio-claim: the files are again as they were\n"
				      : "vfio-claim: not every file could be put back; the old "
					"ones are beside them, named *.old~\n");
	(void)fprintf(
		stderr,
		"vfio-claim: each initramfs is a whole one, the old or the new; mend what "
		"failed and run the same command again\n");
	if (told)
		(void)fprintf(stderr, "vfio-claim: boot entries may have changed already; "
				      "'vfio-claim revert' knows of them\n");
}

static void tidy_list(const struct root *root, const struct kargs *files)
{
	for (size_t i = 0; i < files->count; i++) {
		root_unstage(root, files->items[i]);
		root_forget(root, files->items[i]);
	}
}

void deployment_tidy(const struct deployment *deployment)
{
	const struct root *root = deployment->root;
	static const char *const others[] = { STATE_PATH, LAST_ARGUMENTS_PATH };

	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
		root_unstage(root, others[i]);
		root_forget(root, others[i]);
	}
	for (size_t i = 0; i < OWNED_FILE_COUNT; i++) {
		root_unstage(root, owned_file_paths[i]);
		root_forget(root, owned_file_paths[i]);
	}
	for (const char *const *path = loader_paths; *path != NULL; path++) {
		root_unstage(root, *path);
		root_forget(root, *path);
	}
	tidy_list(root, &deployment->before.files);
	tidy_list(root, &deployment->after.files);
}

static void print_changes(const struct changes *changes)
{
	for (size_t i = 0; i < changes->count; i++)
		(void)printf("%s /%s\n", changes->items[i].new_text ? "wrote" : "removed",
			     changes->items[i].path);
}

/* The files, with the state before them. On an error all are the old ones. */
static int change_files(struct deployment *deployment, struct journal *journal)
{
	const struct root *root = deployment->root;
	const char *failed = STATE_PATH;
	int r = journal_begin(journal, root, &deployment->before, &deployment->after);

	if (r == 0) {
		r = changes_commit(&deployment->changes, root, &failed);
		if (r < 0)
			(void)journal_undo(journal, false);
	}
	if (r < 0) {
		remove_new_directories(deployment);
		(void)fprintf(
			stderr,
			"vfio-claim: /%s: %s; nothing was changed, mend it and try again\n",
			failed, strerror(-r));
		return r;
	}
	print_changes(&deployment->changes);
	print_changes(&deployment->record);
	return 0;
}

static void put_back(struct deployment *deployment, struct journal *journal, bool told)
{
	int files = changes_undo(&deployment->changes, deployment->root);
	int state = journal_undo(journal, told);

	report_undone(files < 0 ? files : state, told);
	remove_new_directories(deployment);
}

static int end_record(const struct deployment *deployment, struct journal *journal)
{
	int r = journal_finish(journal, deployment->state_text);

	if (r < 0)
		(void)fprintf(stderr,
			      "vfio-claim: /" STATE_PATH ": %s; all else is done: mend it and "
			      "run the same command again\n",
			      strerror(-r));
	return r;
}

static int carry_out(struct deployment *deployment)
{
	struct journal journal;
	bool told = false;

	/* Where the rest was left to others: not even the state's time is to change. */
	if (deployment_is_empty(deployment)) {
		deployment_tidy(deployment);
		return 0;
	}
	int r = change_files(deployment, &journal);
	if (r < 0)
		return r;
	r = signals_came() ? -EINTR : run_tools(deployment, &told);
	if (r != 0) {
		put_back(deployment, &journal, told);
		return r;
	}
	r = end_record(deployment, &journal);
	changes_finish(&deployment->changes, deployment->root);
	if (r < 0)
		return r;
	deployment_tidy(deployment);
	remove_directories(deployment->root, &deployment->before.directories,
			   &deployment->after.directories);
	return 0;
}

int deployment_run(struct deployment *deployment)
{
	struct caught_signals caught;

	signals_catch(&caught);
	int r = carry_out(deployment);
	signals_give_back(&caught);
	return r;
}

static int verify_image(const struct deployment *deployment, const char *kernel,
			struct sentences *problems)
{
	int r = initramfs_inspect(deployment->root, deployment->generator, kernel,
				  deployment->claims, problems);

	if (r == -ENOENT && deployment->claims == NULL)
		return 0;
	if (r < 0 && r != -ENOMEM)
		return sentences_add(problems, "the initramfs of %s cannot be read: %s", kernel,
				     strerror(-r));
	return r;
}

int deployment_verify(const struct deployment *deployment, struct sentences *problems)
{
	int r = 0;

	/* Fixed images are as they were: `gaps` has what is wrong with them. */
	bool images = deployment->generator != GENERATOR_NONE && !deployment->fixed;

	for (size_t i = 0; r == 0 && images && i < deployment->kernels.count; i++)
		r = verify_image(deployment, deployment->kernels.items[i], problems);
	for (int i = 0; r == 0 && i < LOADER_COUNT; i++)
		if (deployment->after.used[i])
			r = loader_verify((enum loader)i, deployment->root,
					  &deployment->after.loader[i].ours, problems);
	return r;
}

int deployment_count(const struct deployment *deployment, size_t *ret_images,
		     size_t *ret_entries)
{
	size_t entries = 0;
	int r = 0;

	for (int i = 0; r == 0 && i < LOADER_COUNT; i++) {
		size_t count = 0;

		if (deployment->after.loader[i].ours.count > 0)
			r = loader_count_entries((enum loader)i, deployment->root, &count);
		entries += count;
	}
	if (r < 0)
		return r;
	*ret_images = deployment->generator != GENERATOR_NONE
			      ? deployment->kernels.count - deployment->fixed_stale
			      : 0;
	*ret_entries = entries;
	return 0;
}

void deployment_free(struct deployment *deployment)
{
	state_free(&deployment->before);
	state_free(&deployment->after);
	kernels_free(&deployment->kernels);
	kargs_free(&deployment->sealed);
	target_free(&deployment->target);
	changes_free(&deployment->changes);
	changes_free(&deployment->record);
	free(deployment->state_text);
	command_lines_free(&deployment->images);
	command_lines_free(&deployment->boot);
	kargs_free(&deployment->by_hand);
	sentences_free(&deployment->gaps);
	sentences_free(&deployment->notes);
}
