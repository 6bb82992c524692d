// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Fuzzes the readers of what `apply` and `claim` noted for those after them: the state file, by
 * which revert removes files, and the list of native drivers.
 */
#include <errno.h>

#include "fuzz.h"
#include "natives.h"
#include "state.h"

/* No way to anything outside of the root, and none to the root itself by an empty name. */
static void check_path(const char *path)
{
	MUST(*path != '\0' && *path != '/' && strchr(path, '\n') == NULL);
	MUST(strcmp(path, "..") != 0 && strncmp(path, "../", 3) != 0);
	MUST(strstr(path, "/../") == NULL);
	size_t length = strlen(path);
	MUST(length < 3 || strcmp(path + length - 3, "/..") != 0);
}

static void check_known(const struct state *state)
{
	struct state again;
	unsigned line;
	char *first;
	char *second;

	for (size_t i = 0; i < state->files.count; i++)
		check_path(state->files.items[i]);
	for (size_t i = 0; i < state->directories.count; i++)
		check_path(state->directories.items[i]);
	for (int i = 0; i < LOADER_COUNT; i++)
		MUST(state->used[i] || (state->loader[i].ours.count == 0 &&
					state->loader[i].replaced.count == 0));
	MUST(state_render(state, &first) == 0);
	MUST(state_parse(first, &again, &line) == 0);
	MUST(state_render(&again, &second) == 0 && strcmp(first, second) == 0);
	MUST(again.files.count == state->files.count);
	MUST(again.directories.count == state->directories.count);
	state_free(&again);
	free(first);
	free(second);
}

static void check_state(const char *text)
{
	struct state state = { 0 };
	unsigned line;
	unsigned lines = 1;
	int r = state_parse(text, &state, &line);

	for (const char *c = text; *c != '\0'; c++)
		lines += *c == '\n';
	MUST(r == 0 || (r == -EBADMSG && line > 0 && line <= lines));
	if (r == 0)
		check_known(&state);
	else
		MUST(state.files.items == NULL && state.directories.items == NULL);
	state_free(&state);
}

/* One line a device, and each as it was given last. */
static void check_natives(const char *text)
{
	struct natives natives = { 0 };
	struct natives again = { 0 };
	char *out;

	MUST(natives_parse(text, &natives) == 0 && natives_render(&natives, &out) == 0);
	MUST(natives_parse(out, &again) == 0 && again.count == natives.count);
	for (size_t i = 0; i < natives.count; i++) {
		const struct native *native = &natives.items[i];
		const struct native *read = natives_find(&again, &native->address);

		MUST(native->driver[0] == '\0' || driver_name_valid(native->driver));
		MUST(native == natives_find(&natives, &native->address));
		MUST(read != NULL && strcmp(read->driver, native->driver) == 0);
	}
	while (natives.count > 0) {
		struct pci_address address = natives.items[natives.count / 2].address;

		natives_remove(&natives, &address);
		MUST(natives_find(&natives, &address) == NULL);
	}
	natives_free(&natives);
	natives_free(&again);
	free(out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *string = strndup((const char *)data, size);

	MUST(string != NULL);
	check_state(string);
	check_natives(string);
	free(string);
	return 0;
}
