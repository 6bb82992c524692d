// SPDX-License-Identifier: GPL-2.0-or-later
/* What the last apply did. */
#include "state.h"

#include <errno.h>
#include <string.h>

#include "text.h"

#define STATE_MAGIC "vfio-claim-state 1"

static int find_loader(const char *name)
{
	for (int i = 0; loader_names[i] != NULL; i++)
		if (strcmp(loader_names[i], name) == 0)
			return i;
	return -1;
}

/*
 * A path that revert may remove: from the root of its system, and never above that. We write no
 * other; the state of somebody else's tree may have what its owner likes.
 */
static bool is_path_inside(const char *path)
{
	if (*path == '/' || *path == '\0')
		return false;
	while (*path != '\0') {
		size_t length = strcspn(path, "/");

		if (length == 2 && memcmp(path, "..", 2) == 0)
			return false;
		path += length;
		path += strspn(path, "/");
	}
	return true;
}

static int parse_path(struct kargs *paths, const char *path)
{
	return is_path_inside(path) ? kargs_append(paths, path) : -EBADMSG;
}

static int parse_choice(struct state *state, const char *name)
{
	bool none = strcmp(name, "none") == 0;

	state->chosen = true;
	state->choice = none ? STATE_NO_LOADER : find_loader(name);
	return none || state->choice >= 0 ? 0 : -EBADMSG;
}

/* "WORD VALUE"; arguments belong to the loader above them. */
static int parse_line(struct state *state, int *loader, const char *word, const char *value)
{
	if (strcmp(word, "reverted") == 0) {
		state->reverted = true;
		return strcmp(value, "yes") == 0 ? 0 : -EBADMSG;
	}
	if (strcmp(word, "chosen") == 0)
		return parse_choice(state, value);
	if (strcmp(word, "file") == 0)
		return parse_path(&state->files, value);
	if (strcmp(word, "directory") == 0)
		return parse_path(&state->directories, value);
	if (strcmp(word, "loader") == 0) {
		*loader = find_loader(value);
		if (*loader < 0)
			return -EBADMSG;
		state->used[*loader] = true;
		return 0;
	}
	if (*loader < 0)
		return -EBADMSG;
	if (strcmp(word, "argument") == 0)
		return kargs_append(&state->loader[*loader].ours, value);
	if (strcmp(word, "replaced") == 0)
		return kargs_append(&state->loader[*loader].replaced, value);
	return -EBADMSG;
}

static int parse_lines(char *text, struct state *state, unsigned *ret_line)
{
	char *rest = text;
	int loader = -1;
	int r = 0;

	for (*ret_line = 1; r == 0; (*ret_line)++) {
		char *line = strsep(&rest, "\n");

		if (line == NULL || (rest == NULL && *line == '\0'))
			return *ret_line > 1 ? 0 : -EBADMSG;
		if (*ret_line == 1) {
			r = strcmp(line, STATE_MAGIC) == 0 ? 0 : -EBADMSG;
		} else {
			char *value = strchr(line, ' ');

			if (value != NULL)
				*value++ = '\0';
			r = value == NULL ? -EBADMSG : parse_line(state, &loader, line, value);
		}
		if (r < 0)
			return r;
	}
	return r;
}

int state_parse(const char *text, struct state *ret_state, unsigned *ret_line)
{
	struct state state = { 0 };
	AUTO_FREE char *copy = strdup(text);

	*ret_line = 0;
	if (copy == NULL)
		return -ENOMEM;
	int r = parse_lines(copy, &state, ret_line);
	if (r < 0) {
		state_free(&state);
		return r;
	}
	*ret_state = state;
	return 0;
}

/* A newline in one would make the rest of it a line of its own: "file etc/passwd". */
static void render_list(struct text *text, const char *word, const struct kargs *list)
{
	for (size_t i = 0; i < list->count; i++)
		if (strchr(list->items[i], '\n') == NULL)
			text_add(text, "%s %s\n", word, list->items[i]);
		else
			text->error = -EINVAL;
}

int state_render(const struct state *state, char **ret_text)
{
	struct text text = { 0 };

	text_add(&text, STATE_MAGIC "\n");
	if (state->reverted)
		text_add(&text, "reverted yes\n");
	if (state->chosen)
		text_add(&text, "chosen %s\n",
			 state->choice >= 0 ? loader_names[state->choice] : "none");
	render_list(&text, "file", &state->files);
	render_list(&text, "directory", &state->directories);
	for (int i = 0; i < LOADER_COUNT; i++) {
		if (!state->used[i])
			continue;
		text_add(&text, "loader %s\n", loader_names[i]);
		render_list(&text, "argument", &state->loader[i].ours);
		render_list(&text, "replaced", &state->loader[i].replaced);
	}
	return text_take(&text, ret_text);
}

/* Adds those that are not there. A path is no argument, to which - and _ are alike. */
static int add_paths(const struct kargs *from, struct kargs *to)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < from->count; i++) {
		bool there = false;

		for (size_t k = 0; !there && k < to->count; k++)
			there = strcmp(from->items[i], to->items[k]) == 0;
		if (!there)
			r = kargs_append(to, from->items[i]);
	}
	return r;
}

/* `first` keeps its order, and what it has twice. */
static int merge_words(const struct kargs *first, const struct kargs *second,
		       struct kargs *ret_words)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < first->count; i++)
		r = kargs_append(ret_words, first->items[i]);
	for (size_t i = 0; r == 0 && i < second->count; i++)
		r = kargs_add(ret_words, second->items[i]);
	return r;
}

int state_merge(const struct state *a, const struct state *b, struct state *ret_state)
{
	int r = add_paths(&a->files, &ret_state->files);

	if (r == 0)
		r = add_paths(&b->files, &ret_state->files);
	if (r == 0)
		r = add_paths(&a->directories, &ret_state->directories);
	if (r == 0)
		r = add_paths(&b->directories, &ret_state->directories);
	for (int i = 0; r == 0 && i < LOADER_COUNT; i++) {
		ret_state->used[i] = a->used[i] || b->used[i];
		r = merge_words(&b->loader[i].ours, &a->loader[i].ours,
				&ret_state->loader[i].ours);
		if (r == 0)
			r = merge_words(&b->loader[i].replaced, &a->loader[i].replaced,
					&ret_state->loader[i].replaced);
	}
	return r;
}

void state_free(struct state *state)
{
	kargs_free(&state->files);
	kargs_free(&state->directories);
	for (int i = 0; i < LOADER_COUNT; i++)
		loader_state_free(&state->loader[i]);
	*state = (struct state){ 0 };
}
