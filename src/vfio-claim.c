// SPDX-License-Identifier: GPL-2.0-or-later
/* The command line tool. */
#include <errno.h>
#include <json-c/json.h>
#include <stdio.h>
#include <string.h>

#include "config_files.h"
#include "image.h"
#include "options.h"
#include "text.h"
#include "version.h"

#define PROGRAM "vfio-claim"

/* What every command may be given, and the configuration it works on. */
struct tool {
	const char *root_path;
	const char *config_path;
	const char *kernel;
	const char *destination;
	bool json;
	bool wanted;
	bool modules;
	bool help;
	bool version;

	struct root root;
	struct config config;
	struct file_list files;
	struct diagnostics diagnostics;
};

struct command {
	const char *name;
	const char *help;
	enum exit_code (*run)(struct tool *tool);
};

static enum exit_code report_system(const char *what, int error)
{
	(void)fprintf(stderr, PROGRAM ": %s: %s\n", what, strerror(-error));
	return EXIT_SYSTEM;
}

static void print_diagnostics(const struct diagnostics *diagnostics)
{
	for (size_t i = 0; i < diagnostics->count; i++) {
		const struct diagnostic *item = &diagnostics->items[i];

		if (item->line > 0)
			(void)fprintf(stderr, "%s:%u: error: %s\n", item->file, item->line,
				      item->message);
		else
			(void)fprintf(stderr, "%s: error: %s\n", item->file, item->message);
	}
}

static int read_config(struct tool *tool)
{
	return config_files_read(&tool->root, tool->config_path, &tool->config, &tool->files,
				 &tool->diagnostics);
}

/* Reads the configuration and prints what is wrong with it. */
static enum exit_code need_config(struct tool *tool)
{
	int r = read_config(tool);

	if (r < 0)
		return report_system("the configuration cannot be read", r);
	print_diagnostics(&tool->diagnostics);
	return tool->diagnostics.count == 0 ? EXIT_AS_WANTED : EXIT_INVALID_CONFIG;
}

static void print_claim(const struct claim *claim, int width)
{
	char selector[SELECTOR_TEXT_SIZE];

	for (size_t i = 0; i < claim->match_count; i++)
		(void)printf("  %-*s  %-8s %s\n", width, i == 0 ? claim->name : "", "match",
			     selector_format(&claim->matches[i], selector));
	for (size_t i = 0; i < claim->except_count; i++)
		(void)printf("  %-*s  %-8s %s\n", width, "", "except",
			     selector_format(&claim->excepts[i], selector));
}

static void print_config(const struct tool *tool)
{
	const struct claims *claims = &tool->config.claims;
	int width = 0;

	if (tool->files.count == 0) {
		(void)printf(
			"no configuration: nothing is claimed (write /etc/vfio-claim.conf, see "
			"vfio-claim.conf(5))\n");
		return;
	}
	(void)printf("valid: %zu claim%s in %zu file%s\n", claims->count,
		     claims->count == 1 ? "" : "s", tool->files.count,
		     tool->files.count == 1 ? "" : "s");
	for (size_t i = 0; i < claims->count; i++)
		if ((int)strlen(claims->items[i].name) > width)
			width = (int)strlen(claims->items[i].name);
	for (size_t i = 0; i < claims->count; i++)
		print_claim(&claims->items[i], width);
}

static json_object *selectors_json(const struct selector *selectors, size_t count)
{
	json_object *array = json_object_new_array();
	char text[SELECTOR_TEXT_SIZE];

	for (size_t i = 0; i < count; i++)
		(void)json_object_array_add(
			array, json_object_new_string(selector_format(&selectors[i], text)));
	return array;
}

static json_object *claim_json(const struct claim *claim)
{
	json_object *object = json_object_new_object();

	(void)json_object_object_add(object, "name", json_object_new_string(claim->name));
	(void)json_object_object_add(object, "match",
				     selectors_json(claim->matches, claim->match_count));
	(void)json_object_object_add(object, "except",
				     selectors_json(claim->excepts, claim->except_count));
	(void)json_object_object_add(
		object, "functions",
		json_object_new_string(claim_functions_names[claim->functions]));
	(void)json_object_object_add(object, "driver", json_object_new_string(claim->driver));
	(void)json_object_object_add(object, "when",
				     json_object_new_string(claim_when_names[claim->when]));
	(void)json_object_object_add(object, "expect",
				     claim->expect ? json_object_new_int((int)claim->expect)
						   : NULL);
	return object;
}

static json_object *diagnostic_json(const struct diagnostic *item)
{
	json_object *object = json_object_new_object();

	(void)json_object_object_add(object, "file", json_object_new_string(item->file));
	(void)json_object_object_add(object, "line",
				     item->line ? json_object_new_int((int)item->line) : NULL);
	(void)json_object_object_add(object, "message", json_object_new_string(item->message));
	return object;
}

static void print_config_json(const struct tool *tool)
{
	json_object *object = json_object_new_object();
	json_object *errors = json_object_new_array();
	json_object *claims = json_object_new_array();
	json_object *files = json_object_new_array();

	for (size_t i = 0; i < tool->files.count; i++)
		(void)json_object_array_add(files,
					    json_object_new_string(tool->files.paths[i]));
	for (size_t i = 0; i < tool->diagnostics.count; i++)
		(void)json_object_array_add(errors,
					    diagnostic_json(&tool->diagnostics.items[i]));
	for (size_t i = 0; tool->diagnostics.count == 0 && i < tool->config.claims.count; i++)
		(void)json_object_array_add(claims, claim_json(&tool->config.claims.items[i]));
	(void)json_object_object_add(object, "valid",
				     json_object_new_boolean(tool->diagnostics.count == 0));
	(void)json_object_object_add(object, "files", files);
	(void)json_object_object_add(object, "errors", errors);
	(void)json_object_object_add(object, "claims", claims);
	(void)printf("%s\n", json_object_to_json_string_ext(
				     object, JSON_C_TO_STRING_PRETTY | JSON_C_TO_STRING_SPACED |
						     JSON_C_TO_STRING_NOSLASHESCAPE));
	(void)json_object_put(object);
}

static enum exit_code run_check(struct tool *tool)
{
	int r = read_config(tool);

	if (r < 0)
		return report_system("the configuration cannot be read", r);
	if (tool->json)
		print_config_json(tool);
	else
		print_diagnostics(&tool->diagnostics);
	if (tool->diagnostics.count > 0)
		return EXIT_INVALID_CONFIG;
	if (!tool->json)
		print_config(tool);
	return EXIT_AS_WANTED;
}

/*
 * A configuration file, be it empty, asks for the helper in the image: the kernel command line
 * may then claim. Without one the image is left alone.
 */
static enum exit_code run_image_wanted(const struct tool *tool)
{
	struct file_list files = { 0 };
	int r = config_files_find(&tool->root, &files);
	bool wanted = files.count > 0;

	file_list_free(&files);
	if (r < 0)
		return report_system("the configuration cannot be found", r);
	return wanted ? EXIT_AS_WANTED : EXIT_NOT_AS_WANTED;
}

static enum exit_code write_table(const struct tool *tool)
{
	struct root image;
	int r = root_open(tool->destination, &image);

	if (r < 0)
		return report_system(tool->destination, r);
	r = image_write_table(&image, &tool->config.claims);
	root_close(&image);
	return r < 0 ? report_system("the claims table cannot be written", r) : EXIT_AS_WANTED;
}

static enum exit_code run_image(struct tool *tool)
{
	if (tool->wanted)
		return run_image_wanted(tool);
	if (tool->modules != (tool->kernel != NULL) ||
	    tool->modules == (tool->destination != NULL)) {
		(void)fprintf(stderr,
			      PROGRAM ": image needs --wanted, --dest DIR, or --modules "
				      "with --kernel VERSION\n");
		return EXIT_USAGE;
	}
	enum exit_code code = need_config(tool);
	if (code != EXIT_AS_WANTED) {
		(void)fprintf(stderr,
			      PROGRAM ": the initramfs is not built, it would claim nothing; "
				      "mend the configuration first\n");
		return code;
	}
	if (tool->destination != NULL)
		return write_table(tool);
	int r = image_print_modules(&tool->root, tool->kernel, &tool->config.claims);
	return r < 0 ? report_system("the kernel's modules cannot be read", r) : EXIT_AS_WANTED;
}

static const struct command commands[] = {
	{ "check", "is the configuration valid? (needs no hardware)", run_check },
	{ "image", "for the initramfs hooks: the claims table and the modules", run_image },
	{ NULL, NULL, NULL },
};

static const struct command *find_command(const char *name)
{
	const char *names[sizeof(commands) / sizeof(commands[0])] = { NULL };

	for (size_t i = 0; commands[i].name != NULL; i++) {
		if (strcmp(commands[i].name, name) == 0)
			return &commands[i];
		names[i] = commands[i].name;
	}
	const char *nearest = nearest_name(name, names);
	(void)fprintf(stderr, PROGRAM ": unknown command '%s'", name);
	if (nearest != NULL)
		(void)fprintf(stderr, "; did you mean '%s'?", nearest);
	(void)fprintf(stderr, "\nTry '" PROGRAM " --help'.\n");
	return NULL;
}

static void print_help(const struct option_entry *options)
{
	(void)printf("Usage: " PROGRAM " COMMAND [OPTION]...\n"
		     "Gives PCI devices to VFIO before any native driver touches them.\n\n"
		     "Commands:\n");
	for (size_t i = 0; commands[i].name != NULL; i++)
		(void)printf("  %-22s %s\n", commands[i].name, commands[i].help);
	(void)printf("\nOptions:\n");
	options_help(options);
	(void)printf("\nExit codes: 0 as wanted, 1 not as wanted, 2 usage, 3 invalid "
		     "configuration,\n4 refused for safety, 5 a tool or the system failed.\n");
}

static void tool_free(struct tool *tool)
{
	config_free(&tool->config);
	file_list_free(&tool->files);
	diagnostics_free(&tool->diagnostics);
	root_close(&tool->root);
}

/* An option of another command would be ignored, which nobody who wrote it expects. */
static bool options_fit(const struct tool *tool, const struct command *command)
{
	bool image = tool->wanted || tool->modules || tool->kernel != NULL ||
		     tool->destination != NULL;
	const char *wrong = NULL;

	if (image && command->run != run_image)
		wrong = "--wanted, --dest, --modules and --kernel go with image";
	else if (tool->json && command->run != run_check)
		wrong = "--json goes with check";
	else if (tool->wanted && tool->config_path != NULL)
		wrong = "--wanted looks for the configuration, --config names it";
	if (wrong != NULL)
		(void)fprintf(stderr, PROGRAM ": %s\n", wrong);
	return wrong == NULL;
}

/* Options may stand before and after the command. */
static const struct command *parse_arguments(int argc, char **argv,
					     const struct option_entry *options,
					     const struct tool *tool)
{
	int index = 1;

	if (options_parse(PROGRAM, options, argc, argv, &index) < 0)
		return NULL;
	if (tool->help || tool->version)
		return commands;
	if (index == argc) {
		(void)fprintf(stderr, PROGRAM ": no command\nTry '" PROGRAM " --help'.\n");
		return NULL;
	}
	const struct command *command = find_command(argv[index++]);
	if (command == NULL || options_parse(PROGRAM, options, argc, argv, &index) < 0 ||
	    !options_fit(tool, command))
		return NULL;
	if (index < argc) {
		(void)fprintf(stderr, PROGRAM ": '%s' is one word too many\n", argv[index]);
		return NULL;
	}
	return command;
}

int main(int argc, char **argv)
{
	struct tool tool = { .root.fd = -1 };
	const struct option_entry options[] = {
		{ "root", "DIR", "work on the tree in DIR instead of /", NULL,
		  &tool.root_path },
		{ "config", "FILE", "read this file instead of the configuration", NULL,
		  &tool.config_path },
		{ "json", NULL, "print JSON (check)", &tool.json, NULL },
		{ "wanted", NULL, "is there a configuration? exit 0: yes, 1: no (image)",
		  &tool.wanted, NULL },
		{ "dest", "DIR", "write the claims table into this image (image)", NULL,
		  &tool.destination },
		{ "modules", NULL, "print the modules the claims may need (image)",
		  &tool.modules, NULL },
		{ "kernel", "VERSION", "of this kernel (image --modules)", NULL, &tool.kernel },
		{ "help", NULL, "print this and exit", &tool.help, NULL },
		{ "version", NULL, "print the version and exit", &tool.version, NULL },
		{ 0 },
	};
	const struct command *command = parse_arguments(argc, argv, options, &tool);

	if (command == NULL)
		return EXIT_USAGE;
	if (tool.help || tool.version) {
		if (tool.help)
			print_help(options);
		else
			(void)printf(PROGRAM " " VFIO_CLAIM_VERSION "\n");
		return EXIT_AS_WANTED;
	}
	int r = root_open(tool.root_path, &tool.root);
	if (r < 0)
		return (int)report_system(tool.root_path ? tool.root_path : "/", r);
	enum exit_code code = command->run(&tool);
	tool_free(&tool);
	return (int)code;
}
