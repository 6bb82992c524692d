// SPDX-License-Identifier: GPL-2.0-or-later
/* The state file while a deployment is carried out. */
#include "journal.h"

#include "text.h"

/* One text of the state file, as a change of its own. */
static int write_state(const struct root *root, const char *text, struct changes *changes)
{
	const char *failed;
	int r = changes_add(changes, root, STATE_PATH, text);

	return r == 0 ? changes_commit(changes, root, &failed) : r;
}

/*
 * `in_force` is the one of the two that images which are made meanwhile go by, and whose choice of
 * a boot loader the next apply keeps.
 */
static int write_both(const struct journal *journal, const struct state *in_force,
		      struct changes *changes)
{
	struct state both = { 0 };
	AUTO_FREE char *text = NULL;
	int r = state_merge(journal->before, journal->after, &both);

	both.reverted = in_force->reverted;
	both.chosen = in_force->chosen;
	both.choice = in_force->choice;
	if (r == 0)
		r = state_render(&both, &text);
	if (r == 0)
		r = write_state(journal->root, text, changes);
	state_free(&both);
	return r;
}

int journal_begin(struct journal *journal, const struct root *root, const struct state *before,
		  const struct state *after)
{
	*journal = (struct journal){ .root = root, .before = before, .after = after };
	int r = write_both(journal, after, &journal->pending);

	if (r < 0)
		changes_free(&journal->pending);
	return r;
}

int journal_finish(struct journal *journal, const char *text)
{
	struct changes last = { 0 };
	int r = write_state(journal->root, text, &last);

	changes_finish(&journal->pending, journal->root);
	changes_finish(&last, journal->root);
	changes_free(&journal->pending);
	changes_free(&last);
	return r;
}

int journal_undo(struct journal *journal, bool told)
{
	struct changes again = { 0 };
	int r = told ? write_both(journal, journal->before, &again)
		     : changes_undo(&journal->pending, journal->root);

	changes_finish(&again, journal->root);
	changes_finish(&journal->pending, journal->root);
	changes_free(&again);
	changes_free(&journal->pending);
	return r;
}
