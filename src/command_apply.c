// SPDX-License-Identifier: GPL-2.0-or-later
/* vfio-claim apply and revert: the configuration to the machine, and back. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "dangers.h"
#include "deployment.h"
#include "text.h"
#include "tool.h"

static int find_name(const char *const *names, const char *word)
{
	for (int i = 0; names[i] != NULL; i++)
		if (strcmp(names[i], word) == 0)
			return i;
	return -1;
}

/* What --loader asks for, as deployment_of_config() takes it; -EINVAL after a message. */
static int choose_loader(const struct tool *tool, int *ret_loader)
{
	*ret_loader = tool->loader == NULL ? LOADERS_AS_BEFORE : LOADERS_FOUND;
	if (tool->loader == NULL || strcmp(tool->loader, "auto") == 0)
		return 0;
	if (strcmp(tool->loader, "none") == 0) {
		*ret_loader = LOADERS_NONE;
		return 0;
	}
	*ret_loader = find_name(loader_names, tool->loader);
	if (*ret_loader >= 0)
		return 0;
	(void)fprintf(stderr, PROGRAM ": --loader %s: it is one of:", tool->loader);
	for (int i = 0; loader_names[i] != NULL; i++)
		(void)fprintf(stderr, " %s", loader_names[i]);
	(void)fprintf(stderr, " auto none\n");
	return -EINVAL;
}

static void print_notes(const struct sentences *notes)
{
	for (size_t i = 0; i < notes->count; i++)
		say(stderr, "note: %s\n", notes->items[i]);
}

static enum exit_code report_problems(const struct deployment *deployment)
{
	struct sentences problems = { 0 };
	int r = deployment_verify(deployment, &problems);
	size_t count = problems.count;

	for (size_t i = 0; i < count; i++)
		say(stderr, PROGRAM ": %s\n", problems.items[i]);
	sentences_free(&problems);
	if (r < 0)
		return report_system("what was built cannot be read", r);
	return count == 0 ? EXIT_AS_WANTED : EXIT_NOT_AS_WANTED;
}

/* Arguments that no boot entry could be seen to have: how they get there. */
static void print_without_entries(const struct deployment *deployment)
{
	for (int i = 0; i < LOADER_COUNT; i++)
		if (deployment->after.loader[i].ours.count > 0)
			(void)printf("no boot entry was looked at (%s): %s\n", loader_names[i],
				     loader_without_entries((enum loader)i));
}

/* Says of nothing that it is as wanted but of what was opened. */
static enum exit_code print_checked(const struct deployment *deployment)
{
	size_t images = 0;
	size_t entries = 0;
	int r = deployment_count(deployment, &images, &entries);

	if (r < 0)
		return report_system("the boot entries cannot be read", r);
	if (images > 0)
		(void)printf("checked: %zu initramfs image%s %s the claims\n", images,
			     images == 1 ? "" : "s",
			     entries > 0   ? "and the boot entries have"
			     : images == 1 ? "has"
					   : "have");
	else if (entries > 0)
		(void)printf("checked: the boot entries have the arguments\n");
	if (entries == 0)
		print_without_entries(deployment);
	return EXIT_AS_WANTED;
}

static enum exit_code print_end(const struct tool *tool, const struct deployment *deployment)
{
	bool apply = deployment->claims != NULL;
	enum exit_code code = apply ? print_checked(deployment) : EXIT_AS_WANTED;

	if (code == EXIT_AS_WANTED && deployment->gaps.count == 0 && tool->root.is_host)
		(void)printf("reboot to %s\n", apply ? "have the devices claimed"
						     : "have them with their native drivers");
	return code;
}

/* Left to others: what only runs on the target's own kind of machine, or later. */
static enum exit_code leave_tools(struct deployment *deployment)
{
	(void)printf(
		"this tree is of another architecture: its tools are not run; left to do in "
		"it:\n");
	for (size_t i = 0; i < deployment->images.count + deployment->boot.count; i++) {
		size_t images = deployment->images.count;
		AUTO_FREE char *line =
			command_line_render(i < images ? &deployment->images.items[i]
						       : &deployment->boot.items[i - images]);

		(void)printf("  %s\n", line ? line : "?");
	}
	command_lines_free(&deployment->images);
	command_lines_free(&deployment->boot);
	int r = deployment_run(deployment);
	return r == 0 ? EXIT_AS_WANTED : EXIT_SYSTEM;
}

static void add_string(json_object *array, const char *string)
{
	(void)json_object_array_add(array, json_object_new_string(string));
}

static void add_commands(json_object *array, const struct command_lines *lines)
{
	for (size_t i = 0; i < lines->count; i++) {
		json_object *words = json_object_new_array();

		for (char **word = lines->items[i].argv; *word != NULL; word++)
			add_string(words, *word);
		(void)json_object_array_add(array, words);
	}
}

static void add_files(json_object *array, const struct changes *changes)
{
	for (size_t i = 0; i < changes->count; i++) {
		json_object *file = json_object_new_object();
		AUTO_FREE char *path = NULL;

		if (asprintf(&path, "/%s", changes->items[i].path) < 0)
			path = NULL;
		(void)json_object_object_add(file, "path",
					     json_object_new_string(path ? path : ""));
		(void)json_object_object_add(file, "action",
					     json_object_new_string(changes->items[i].new_text
									    ? "write"
									    : "remove"));
		(void)json_object_array_add(array, file);
	}
}

/* What --dry-run --json prints; vfio-claim(8) has its fields. */
static void print_json(const struct deployment *deployment)
{
	json_object *object = json_object_new_object();
	json_object *loaders = json_object_new_array();
	json_object *files = json_object_new_array();
	json_object *commands = json_object_new_array();
	json_object *notes = json_object_new_array();

	for (int i = 0; i < LOADER_COUNT; i++)
		if (deployment->after.used[i])
			add_string(loaders, loader_names[i]);
	add_files(files, &deployment->changes);
	add_files(files, &deployment->record);
	add_commands(commands, &deployment->images);
	add_commands(commands, &deployment->boot);
	for (size_t i = 0; i < deployment->notes.count; i++)
		add_string(notes, deployment->notes.items[i]);
	for (size_t i = 0; i < deployment->gaps.count; i++)
		add_string(notes, deployment->gaps.items[i]);
	(void)json_object_object_add(object, "schema", json_object_new_int(1));
	(void)json_object_object_add(object, "as_wanted",
				     json_object_new_boolean(deployment_is_empty(deployment) &&
							     deployment->gaps.count == 0));
	(void)json_object_object_add(object, "loaders", loaders);
	(void)json_object_object_add(object, "files", files);
	(void)json_object_object_add(object, "commands", commands);
	(void)json_object_object_add(object, "notes", notes);
	print_json_object(object);
}

static enum exit_code make_changes(const struct tool *tool, struct deployment *deployment)
{
	if (deployment->foreign && deployment->images.count + deployment->boot.count > 0)
		return leave_tools(deployment);
	if (deployment_run(deployment) != 0)
		return EXIT_SYSTEM;
	if (tool->no_rebuild) {
		(void)printf("no initramfs was rebuilt; run " PROGRAM " again without "
			     "--no-rebuild\n");
		return EXIT_AS_WANTED;
	}
	enum exit_code code = report_problems(deployment);
	return code == EXIT_AS_WANTED ? print_end(tool, deployment) : code;
}

/* What is wanted and was not done, since nothing here does it. */
static enum exit_code report_gaps(const struct deployment *deployment, enum exit_code code)
{
	for (size_t i = 0; i < deployment->gaps.count; i++)
		say(stderr, PROGRAM ": %s\n", deployment->gaps.items[i]);
	return code == EXIT_AS_WANTED && deployment->gaps.count > 0 ? EXIT_NOT_AS_WANTED : code;
}

static void print_nothing_to_do(const struct deployment *deployment)
{
	if (deployment->gaps.count > 0)
		(void)printf("no file, image or boot entry is to be changed\n");
	else
		(void)printf("nothing to do: all is as %s\n",
			     deployment->claims ? "the configuration says" : "without us");
	(void)fflush(stdout);
}

static enum exit_code carry_out(const struct tool *tool, struct deployment *deployment)
{
	if (tool->json) {
		print_json(deployment);
		return EXIT_AS_WANTED;
	}
	print_notes(&deployment->notes);
	if (tool->dry_run)
		print_notes(&deployment->gaps);
	if (deployment_is_empty(deployment)) {
		if (!tool->dry_run)
			deployment_tidy(deployment);
		print_nothing_to_do(deployment);
		return tool->dry_run ? EXIT_AS_WANTED : report_gaps(deployment, EXIT_AS_WANTED);
	}
	if (tool->dry_run) {
		int r = deployment_print(deployment);
		return r < 0 ? report_system("the plan cannot be shown", r) : EXIT_AS_WANTED;
	}
	return report_gaps(deployment, make_changes(tool, deployment));
}

static enum exit_code carry_out_locked(struct tool *tool, struct deployment *deployment, int r)
{
	enum exit_code code;

	if (r < 0) {
		(void)fprintf(stderr, PROGRAM ": %s\n",
			      *deployment->reason ? deployment->reason : strerror(-r));
		code = r == -E2BIG ? EXIT_NOT_AS_WANTED : EXIT_SYSTEM;
	} else {
		code = carry_out(tool, deployment);
	}
	deployment_free(deployment);
	return code;
}

/* True, and said, in a container. A tree is an image to be built, which is often done in one. */
static bool is_container(const struct tool *tool)
{
	struct deployment nothing = { 0 };

	if (!tool->root.is_host || !say_container(tool, &nothing.notes))
		return false;
	if (tool->json)
		print_json(&nothing);
	else
		(void)printf("(to build an image in a container, say --root /)\n");
	deployment_free(&nothing);
	return true;
}

/* What both commands ask before they look at anything. */
static enum exit_code begin(struct tool *tool, int *loader)
{
	if (tool->json && !tool->dry_run) {
		(void)fprintf(stderr, PROGRAM ": --json goes with --dry-run here\n");
		return EXIT_USAGE;
	}
	if (choose_loader(tool, loader) < 0)
		return EXIT_USAGE;
	if (!tool->dry_run && geteuid() != 0) {
		(void)fprintf(stderr, PROGRAM ": only root may do this; --dry-run shows what "
					      "would be done\n");
		return EXIT_SYSTEM;
	}
	return tool->dry_run ? EXIT_AS_WANTED : lock_root(tool);
}

enum exit_code run_apply(struct tool *tool)
{
	struct deployment deployment = { 0 };
	int loader = LOADERS_AS_BEFORE;

	if (is_container(tool))
		return EXIT_AS_WANTED;
	enum exit_code code = begin(tool, &loader);
	if (code == EXIT_AS_WANTED)
		code = need_config(tool);
	if (code != EXIT_AS_WANTED)
		return code;
	if (tool->files.count == 0) {
		(void)fprintf(stderr, PROGRAM
			      ": there is no configuration: write /etc/vfio-claim.conf, "
			      "see vfio-claim.conf(5); 'revert' takes an earlier one "
			      "back\n");
		return EXIT_NOT_AS_WANTED;
	}
	code = dangers_refuse(tool);
	if (code != EXIT_AS_WANTED)
		return code;
	int r = deployment_of_config(&tool->root, &tool->config, loader, !tool->no_rebuild,
				     &deployment);
	return carry_out_locked(tool, &deployment, r);
}

enum exit_code run_revert(struct tool *tool)
{
	struct deployment deployment = { 0 };
	int loader = LOADERS_AS_BEFORE;

	if (is_container(tool))
		return EXIT_AS_WANTED;
	enum exit_code code = begin(tool, &loader);
	if (code != EXIT_AS_WANTED)
		return code;
	/* An invalid configuration is no reason to keep what it once said. */
	int r = config_files_find(&tool->root, &tool->files);
	if (r < 0)
		return report_system("the configuration cannot be found", r);
	r = deployment_of_revert(&tool->root, tool->files.count > 0, !tool->no_rebuild,
				 &deployment);
	return carry_out_locked(tool, &deployment, r);
}
