// SPDX-License-Identifier: GPL-2.0-or-later
/* The command line tool: finds the command and its options. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "text.h"
#include "tool.h"
#include "version.h"

struct command {
	const char *name;
	const char *help;
	enum exit_code (*run)(struct tool *tool);
	bool takes_words; /* devices, behind the command */
};

static const struct command commands[] = {
	{ "check", "is the configuration valid? (needs no hardware)", run_check, false },
	{ "list", "the PCI devices, who has them, which claim takes which", run_list, true },
	{ "plan", "what the next boot will do, and what could go wrong", run_plan, false },
	{ "apply", "carry it to this machine, or with --root into a tree", run_apply, false },
	{ "revert", "take all of that back", run_revert, false },
	{ "status", "is the machine ready? if not, why not and what to do", run_status, false },
	{ "claim", "give devices to VFIO now, until the next boot", run_claim, true },
	{ "release", "give them back to their native drivers now", run_release, true },
	{ "cmdline", "print the kernel arguments of the configuration", run_cmdline, false },
	{ "export", "the same for Nova and others: vfio-claim export FORMAT", run_export,
	  true },
	{ "snapshot", "record this machine for --snapshot: vfio-claim snapshot > FILE",
	  run_snapshot, false },
	{ "image", "for the initramfs hooks: the claims table and the modules", run_image,
	  false },
	{ NULL, NULL, NULL, false },
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
	close_roots(tool);
}

/* An option of another command would be ignored, which nobody who wrote it expects. */
static bool options_fit(const struct option_entry *options, const char *command)
{
	for (; options->name != NULL; options++) {
		bool given = options->flag ? *options->flag : *options->value != NULL;

		if (!given || options->commands == NULL || list_has(options->commands, command))
			continue;
		(void)fprintf(stderr, PROGRAM ": --%s goes with: %s\n", options->name,
			      options->commands);
		return false;
	}
	return true;
}

/* The words among the options and behind them, gathered where the first one was. */
static int parse_words(int argc, char **argv, const struct option_entry *options, int *index,
		       struct tool *tool)
{
	int end = *index;

	tool->words = argv + *index;
	while (*index < argc) {
		if (options_parse(PROGRAM, options, argc, argv, index) < 0)
			return -EINVAL;
		if (*index < argc)
			argv[end++] = argv[(*index)++];
	}
	tool->word_count = (size_t)(argv + end - tool->words);
	return 0;
}

/* Options may stand before and after the command. */
static const struct command *parse_arguments(int argc, char **argv,
					     const struct option_entry *options,
					     struct tool *tool)
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
	if (command == NULL || parse_words(argc, argv, options, &index, tool) < 0 ||
	    !options_fit(options, command->name))
		return NULL;
	if (tool->word_count > 0 && !command->takes_words) {
		(void)fprintf(stderr, PROGRAM ": '%s' is one word too many\n", tool->words[0]);
		return NULL;
	}
	return command;
}

/* Help and version come before any command. */
static enum exit_code run_command(const struct command *command,
				  const struct option_entry *options, struct tool *tool)
{
	if (tool->help || tool->version) {
		if (tool->help)
			print_help(options);
		else
			(void)printf(PROGRAM " " VFIO_CLAIM_VERSION "\n");
		return EXIT_AS_WANTED;
	}
	enum exit_code code = open_roots(tool);
	if (code == EXIT_AS_WANTED)
		code = command->run(tool);
	tool_free(tool);
	return code;
}

int main(int argc, char **argv)
{
	struct tool tool = { .root.fd = -1, .config_root.fd = -1 };
	const struct option_entry options[] = {
		{ "root", "DIR", "work on the tree in DIR instead of /", NULL, &tool.root_path,
		  NULL },
		{ "config", "FILE", "read this file instead of the configuration", NULL,
		  &tool.config_path, NULL },
		{ "json", NULL, "print JSON", &tool.json, NULL,
		  "check list plan status cmdline apply revert claim release" },
		{ "tree", NULL, "print the devices as a tree of buses and bridges", &tool.tree,
		  NULL, "list" },
		{ "svg", NULL, "draw the devices", &tool.svg, NULL, "list" },
		{ "class", "CLASS", "only of this class: 0300, display, network, ...", NULL,
		  &tool.class_name, "list" },
		{ "group", "N", "only of this IOMMU group", NULL, &tool.group, "list" },
		{ "claimed", NULL, "only what a claim names", &tool.claimed, NULL, "list" },
		{ "format", "FORMAT", "plain, grub, bls, bootc or json", NULL, &tool.format,
		  "cmdline" },
		{ "base", "LINE", "what stands on the command line already", NULL, &tool.base,
		  "cmdline" },
		{ "or-last", NULL, "with an invalid configuration, the last good arguments",
		  &tool.or_last, NULL, "cmdline" },
		{ "with-hardware", NULL, "look at sys and proc of DIR too, as of a machine",
		  &tool.with_hardware, NULL,
		  "list plan status cmdline snapshot export claim release" },
		{ "snapshot", "FILE", "look at the machine recorded in this file or directory",
		  NULL, &tool.snapshot, "cmdline list plan status export" },
		{ "dry-run", NULL, "show what would be done and change nothing", &tool.dry_run,
		  NULL, "apply revert claim release" },
		{ "whole-group", NULL, "take the other devices of the IOMMU group too",
		  &tool.whole_group, NULL, "claim" },
		{ "force", NULL, "although something uses it, or 'plan' finds a danger",
		  &tool.force, NULL, "apply claim release" },
		{ "no-rebuild", NULL, "leave every initramfs alone", &tool.no_rebuild, NULL,
		  "apply revert" },
		{ "loader", "NAME", "use this boot loader only", NULL, &tool.loader, "apply" },
		{ "now", NULL, "look at this boot only, not at the next one", &tool.now, NULL,
		  "status" },
		{ "reboot-due", NULL, "would a reboot make it better? exit 0: yes, 1: no",
		  &tool.reboot_due, NULL, "status" },
		{ "prometheus", NULL, "print metrics for node_exporter", &tool.prometheus, NULL,
		  "status" },
		{ "output", "FILE", "write there, as a whole", NULL, &tool.output,
		  "status export" },
		{ "by", "WAY", "name devices by: auto, ids or address", NULL, &tool.by,
		  "export" },
		{ "release", "NAME", "of OpenStack: newton ... 2026.1", NULL, &tool.release,
		  "export" },
		{ "part", "PART", "compute, controller or flavors alone", NULL, &tool.part,
		  "export" },
		{ "placement", NULL, "have Nova report the devices to Placement",
		  &tool.placement, NULL, "export" },
		{ "package", "NAME", "the package to install, a name or a path", NULL,
		  &tool.package, "export" },
		{ "wait", "SECONDS", "wait until ready, for what may change by itself", NULL,
		  &tool.wait, "status" },
		{ "wanted", NULL, "is there a configuration? exit 0: yes, 1: no", &tool.wanted,
		  NULL, "image" },
		{ "dest", "DIR", "write the claims table into this image", NULL,
		  &tool.destination, "image" },
		{ "modules", NULL, "print the modules the claims may need", &tool.modules, NULL,
		  "image" },
		{ "kernel", "VERSION", "with --modules: of this kernel", NULL, &tool.kernel,
		  "image" },
		{ "help", NULL, "print this and exit; also -h", &tool.help, NULL, NULL },
		{ "version", NULL, "print the version and exit; also -V", &tool.version, NULL,
		  NULL },
		{ 0 },
	};
	const struct command *command = parse_arguments(argc, argv, options, &tool);

	return command == NULL ? EXIT_USAGE : (int)run_command(command, options, &tool);
}
