// SPDX-License-Identifier: GPL-2.0-or-later
/* The state file while a deployment is carried out. */
#include "journal.h"

#include "text.h"

/* changes_add() or changes_add_anew(). */
typedef int add_function(struct changes *changes, const struct root *root, const char *path,
			 const char *text);

static int commit_state(const struct root *root, const struct changes *changes)
{
	const char *failed;

	return changes_commit(changes, root, &failed);
}

/*
 * `in_force` is the one of the two that images which are made meanwhile go by, and whose choice of
 * a boot loader the next apply keeps. `add`: is it written where the file says all of that already?
 */
static int write_both(const struct journal *journal, const struct state *in_force,
		      add_function *add, struct changes *changes)
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
		r = add(changes, journal->root, STATE_PATH, text);
	if (r == 0)
		r = commit_state(journal->root, changes);
	state_free(&both);
	return r;
}

int journal_begin(struct journal *journal, const struct root *root, const struct state *before,
		  const struct state *after)
{
	*journal = (struct journal){ .root = root, .before = before, .after = after };
	/*
	 * Anew, for its time tells `status` that something was done here since the machine booted.
	 * Not every tool leaves another file that does: where the entries have $kernelopts grubby
	 * may write nothing but grubenv, and that is not looked at (see loader_times.c).
	 */
	int r = write_both(journal, after, changes_add_anew, &journal->pending);

	if (r < 0)
		changes_free(&journal->pending);
	return r;
}

int journal_finish(struct journal *journal, const char *text)
{
	struct changes last = { 0 };
	int r = changes_add(&last, journal->root, STATE_PATH, text);

	if (r == 0)
		r = commit_state(journal->root, &last);
	changes_finish(&journal->pending, journal->root);
	changes_finish(&last, journal->root);
	changes_free(&journal->pending);
	changes_free(&last);
	return r;
}

int journal_undo(struct journal *journal, bool told)
{
	struct changes again = { 0 };
	int r = told ? write_both(journal, journal->before, changes_add, &again)
		     : changes_undo(&journal->pending, journal->root);

	changes_finish(&again, journal->root);
	changes_finish(&journal->pending, journal->root);
	changes_free(&again);
	changes_free(&journal->pending);
	return r;
}
