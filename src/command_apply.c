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

/* The loader that was asked for, -1 for those that are found; -EINVAL after a message. */
static int choose_loader(const struct tool *tool, int *ret_loader)
{
	*ret_loader = -1;
	if (tool->loader == NULL)
		return 0;
	*ret_loader = find_name(loader_names, tool->loader);
	if (*ret_loader >= 0)
		return 0;
	(void)fprintf(stderr, PROGRAM ": --loader %s: it is one of:", tool->loader);
	for (int i = 0; loader_names[i] != NULL; i++)
		(void)fprintf(stderr, " %s", loader_names[i]);
	(void)fprintf(stderr, "\n");
	return -EINVAL;
}

static void print_notes(const struct sentences *notes)
{
	for (size_t i = 0; i < notes->count; i++)
		(void)fprintf(stderr, "note: %s\n", notes->items[i]);
}

static enum exit_code report_problems(const struct deployment *deployment)
{
	struct sentences problems = { 0 };
	int r = deployment_verify(deployment, &problems);
	size_t count = problems.count;

	for (size_t i = 0; i < count; i++)
		(void)fprintf(stderr, PROGRAM ": %s\n", problems.items[i]);
	sentences_free(&problems);
	if (r < 0)
		return report_system("what was built cannot be read", r);
	return count == 0 ? EXIT_AS_WANTED : EXIT_NOT_AS_WANTED;
}

static void print_end(const struct tool *tool, const struct deployment *deployment)
{
	bool apply = deployment->claims != NULL;
	size_t images = deployment->kernels.count;

	if (apply && images > 0)
		(void)printf("checked: %zu initramfs image%s and the boot entries have the "
			     "claims\n",
			     images, images == 1 ? "" : "s");
	if (tool->root.is_host)
		(void)printf("reboot to %s\n", apply ? "have the devices claimed"
						     : "have them with their native drivers");
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

static json_object *files_json(const struct changes *changes)
{
	json_object *array = json_object_new_array();

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
	return array;
}

/* What --dry-run --json prints; vfio-claim(8) has its fields. */
static void print_json(const struct deployment *deployment)
{
	json_object *object = json_object_new_object();
	json_object *loaders = json_object_new_array();
	json_object *commands = json_object_new_array();
	json_object *notes = json_object_new_array();

	for (int i = 0; i < LOADER_COUNT; i++)
		if (deployment->after.used[i])
			add_string(loaders, loader_names[i]);
	add_commands(commands, &deployment->images);
	add_commands(commands, &deployment->boot);
	for (size_t i = 0; i < deployment->notes.count; i++)
		add_string(notes, deployment->notes.items[i]);
	(void)json_object_object_add(object, "schema", json_object_new_int(1));
	(void)json_object_object_add(object, "as_wanted",
				     json_object_new_boolean(deployment_is_empty(deployment)));
	(void)json_object_object_add(object, "loaders", loaders);
	(void)json_object_object_add(object, "files", files_json(&deployment->changes));
	(void)json_object_object_add(object, "commands", commands);
	(void)json_object_object_add(object, "notes", notes);
	print_json_object(object);
}

static enum exit_code carry_out(const struct tool *tool, struct deployment *deployment)
{
	if (tool->json) {
		print_json(deployment);
		return EXIT_AS_WANTED;
	}
	print_notes(&deployment->notes);
	if (deployment_is_empty(deployment)) {
		if (!tool->dry_run)
			deployment_tidy(deployment);
		if (deployment_is_sealed(deployment))
			return report_problems(deployment);
		(void)printf("nothing to do: all is as %s\n",
			     deployment->claims ? "the configuration says" : "without us");
		return EXIT_AS_WANTED;
	}
	if (tool->dry_run) {
		int r = deployment_print(deployment);
		return r < 0 ? report_system("the plan cannot be shown", r) : EXIT_AS_WANTED;
	}
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
	if (code == EXIT_AS_WANTED)
		print_end(tool, deployment);
	return code;
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
	int loader = -1;

	if (say_container(tool))
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
	int loader = -1;

	if (say_container(tool))
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
