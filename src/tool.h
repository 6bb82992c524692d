/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the commands of vfio-claim share: options, the configuration, reports. */
#ifndef VFIO_CLAIM_TOOL_H
#define VFIO_CLAIM_TOOL_H

#include <json-c/json.h>

#include "config_files.h"
#include "options.h"
#include "root.h"
#include "sentences.h"
#include "warnings.h"

#define PROGRAM "vfio-claim"

/* What any command may be given, and the configuration it works on. */
struct tool {
	const char *root_path;
	const char *config_path;
	const char *kernel;
	const char *destination;
	bool json;
	bool wanted;
	bool modules;
	const char *loader;
	bool dry_run;
	bool no_rebuild;
	bool force;
	const char *format;
	const char *base;
	bool or_last;
	bool with_hardware;
	bool whole_group;
	const char *snapshot;
	bool prometheus;
	bool now;
	bool reboot_due;
	const char *wait;
	const char *output;
	const char *by;
	const char *release;
	const char *part;
	bool placement;
	const char *package;
	bool tree;
	bool svg;
	bool claimed;
	const char *class_name;
	const char *group;
	bool help;
	bool version;
	char **words; /* what follows the options: devices; not owned */
	size_t word_count;

	struct root root;        /* what is looked at: the host, a tree, a snapshot */
	struct root config_root; /* where the configuration is: never in a snapshot */
	bool has_machine;        /* sys and proc of `root` are a machine's, not an image's */
	struct config config;
	struct file_list files;
	struct diagnostics diagnostics;
};

/* fprintf() of what may hold a file's name or the words of others, see text_put_visible(). */
void say(FILE *stream, const char *format, ...) PRINTF_LIKE(2, 3);

/* Says on stderr what failed and why. Returns EXIT_SYSTEM. */
enum exit_code report_system(const char *what, int error);

/* Prints every diagnostic to stderr: FILE:LINE, "error" or "warning", the message. */
void print_diagnostics(const struct diagnostics *diagnostics, const char *severity);

/* Prints one warning for people, with its fix on a second line. */
void print_warning(FILE *stream, const struct warning *warning);

/* Prints the object to stdout, the same way for every command, and releases it. Bytes that are
 * not UTF-8 become question marks. */
void print_json_object(json_object *object);

/*
 * Opens what --root and --snapshot name, and sets `has_machine`. Returns EXIT_AS_WANTED, or
 * another code after saying why.
 */
enum exit_code open_roots(struct tool *tool) MUST_CHECK;

/* Closes them, and removes what a snapshot was unpacked to. */
void close_roots(struct tool *tool);

/* Reads the configuration into `tool`. Returns 0 or a negative errno. */
int read_config(struct tool *tool) MUST_CHECK;

/* Reads the configuration and prints what is wrong with it. */
enum exit_code need_config(struct tool *tool) MUST_CHECK;

/* True for the system that this process runs on: without --root, or `/` by that name. */
bool is_own_root(const struct root *root);

/* True, with a word about it, where nothing is to be changed: in a container. With --json the word
 * is for the object: it is added to `notes`. */
bool say_container(const struct tool *tool, struct sentences *notes);

/*
 * One at a time: of a running system a file in /run is locked, of a tree its root directory. The
 * lock ends with the process. Says it where another is at work. Sets the umask for what is
 * written then.
 */
enum exit_code lock_root(const struct tool *tool) MUST_CHECK;

/* The commands; each returns the exit code of the program. */
enum exit_code run_check(struct tool *tool);
enum exit_code run_list(struct tool *tool);
enum exit_code run_image(struct tool *tool);
enum exit_code run_cmdline(struct tool *tool);
enum exit_code run_apply(struct tool *tool);
enum exit_code run_revert(struct tool *tool);
enum exit_code run_claim(struct tool *tool);
enum exit_code run_release(struct tool *tool);
enum exit_code run_plan(struct tool *tool);
enum exit_code run_snapshot(struct tool *tool);
enum exit_code run_export(struct tool *tool);
enum exit_code run_status(struct tool *tool);

#endif
