// SPDX-License-Identifier: GPL-2.0-or-later
/* The machine as a table and as a tree, for people. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "inventory.h"
#include "text.h"

enum {
	COLUMN_COUNT = 8,
	GAP = 2,
	/* A name is not cut shorter than this; the line is longer then. */
	NAME_LEAST = 12,
	CELL_SIZE = INVENTORY_NAME_SIZE,
	/* Deeper than any machine is: beyond, a tree is not indented further. */
	INDENT_MOST = 24,
};

#define GREEN "\033[32m"
#define YELLOW "\033[33m"
#define BOLD "\033[1m"
#define PLAIN "\033[0m"

/* A row of text cells, and the marks that stay when the name, its last cell, is cut. */
struct row {
	char *cells[COLUMN_COUNT];
	char *marks;
	const char *colour; /* of the claim's cell, or NULL */
	bool is_heading;    /* the first cell alone */
};

struct column {
	const char *title;
	bool to_right;
	bool is_claim;
	bool optional; /* left out where every cell is empty */
};

struct grid {
	const struct column *columns;
	size_t column_count;
	struct row *rows;
	size_t row_count;
	size_t width[COLUMN_COUNT];
	bool used[COLUMN_COUNT];
};

static void grid_free(struct grid *grid)
{
	for (size_t i = 0; i < grid->row_count; i++) {
		for (size_t j = 0; j < grid->column_count; j++)
			free(grid->rows[i].cells[j]);
		free(grid->rows[i].marks);
	}
	free(grid->rows);
}

/* Returns the new row, or NULL without memory. */
static struct row *add_row(struct grid *grid)
{
	struct row *row = array_grow(&grid->rows, grid->row_count, sizeof(*row));

	if (row != NULL)
		grid->row_count++;
	return row;
}

static void measure(struct grid *grid)
{
	for (size_t j = 0; j < grid->column_count; j++) {
		grid->width[j] = text_columns(grid->columns[j].title);
		grid->used[j] = !grid->columns[j].optional;
		for (size_t i = 0; i < grid->row_count; i++) {
			const char *cell = grid->rows[i].cells[j];
			size_t width = cell != NULL ? text_columns(cell) : 0;

			if (width > 0 && !grid->rows[i].is_heading)
				grid->used[j] = true;
			if (width > grid->width[j] && !grid->rows[i].is_heading)
				grid->width[j] = width;
		}
	}
}

/* Cuts to so many columns, with dots at the end where something was cut. */
static void add_cut(struct text *text, const char *string, size_t columns)
{
	if (text_columns(string) <= columns) {
		text_add(text, "%s", string);
		return;
	}
	for (size_t left = columns - 3; left > 0; left--) {
		size_t bytes = 1;

		while (((unsigned char)string[bytes] & 0xc0) == 0x80)
			bytes++;
		text_add(text, "%.*s", (int)bytes, string);
		string += bytes;
	}
	text_add(text, "...");
}

/* The last cell, to the end of the line. */
static void add_name(struct text *text, const struct row *row, const char *name, size_t used,
		     size_t columns)
{
	size_t marks =
		row->marks != NULL && row->marks[0] != '\0' ? text_columns(row->marks) : 0;
	size_t kept = marks > 0 ? marks + 3 : 0; /* " (" and ")" */

	if (columns == 0)
		text_add(text, "%s", name);
	else
		add_cut(text, name,
			used + kept + NAME_LEAST > columns ? NAME_LEAST
							   : columns - used - kept);
	if (marks > 0)
		text_add(text, "%s(%s)", name[0] != '\0' ? " " : "", row->marks);
}

/* Blanks are put before a cell and not behind one, so that no line ends with any. */
static void render_row(struct text *text, const struct grid *grid, const struct row *row,
		       size_t columns)
{
	size_t start = 0;
	size_t written = 0;

	for (size_t j = 0; j < grid->column_count; j++) {
		const char *cell = row->cells[j] != NULL ? row->cells[j] : "";
		size_t width = text_columns(cell);
		bool coloured = row->colour != NULL && grid->columns[j].is_claim;
		bool last = j + 1 == grid->column_count;

		if (!grid->used[j])
			continue;
		size_t at = start + (grid->columns[j].to_right ? grid->width[j] - width : 0);
		start += grid->width[j] + GAP;
		if (width == 0 && !(last && row->marks != NULL && row->marks[0] != '\0'))
			continue;
		text_add(text, "%*s", (int)(at - written), "");
		if (last)
			add_name(text, row, cell, at, columns);
		else
			text_add(text, "%s%s%s", coloured ? row->colour : "", cell,
				 coloured ? PLAIN : "");
		written = at + width;
	}
	text_add(text, "\n");
}

static void render_title(struct text *text, const struct grid *grid, bool colour)
{
	struct row title = { 0 };

	for (size_t j = 0; j < grid->column_count; j++)
		title.cells[j] = (char *)grid->columns[j].title;
	text_add(text, "%s", colour ? BOLD : "");
	render_row(text, grid, &title, 0);
	text_add(text, "%s", colour ? PLAIN : "");
}

static void render_grid(struct text *text, struct grid *grid, size_t columns, bool colour)
{
	measure(grid);
	render_title(text, grid, colour);
	for (size_t i = 0; i < grid->row_count; i++) {
		const struct row *row = &grid->rows[i];

		if (row->is_heading)
			text_add(text, "%s%s%s\n", colour ? BOLD : "", row->cells[0],
				 colour ? PLAIN : "");
		else
			render_row(text, grid, row, columns);
	}
}

static char *number_cell(int number)
{
	char out[16];

	(void)snprintf(out, sizeof(out), "%d", number);
	return strdup(number < 0 ? "-" : out);
}

static void set_colour(struct row *row, const struct inventory_item *item, bool colour)
{
	if (colour && item->decision != NULL)
		row->colour = item_taken(item) ? GREEN : YELLOW;
}

static bool is_whole(const struct row *row, size_t cells)
{
	for (size_t j = 0; j < cells; j++)
		if (row->cells[j] == NULL)
			return false;
	return row->marks != NULL;
}

/* A sentence below the table, on one device or several. */
struct note {
	const struct inventory_item *item; /* the first one */
	char *sentence;
	size_t count;
};

struct notes {
	struct note *items;
	size_t count;
	const struct inventory_item *item; /* at hand */
	int error;
};

static void add_note(void *context, const char *sentence)
{
	struct notes *notes = context;

	for (size_t i = 0; i < notes->count; i++) {
		struct note *note = &notes->items[i];

		if (note->item->decision->claim != notes->item->decision->claim ||
		    strcmp(note->sentence, sentence) != 0)
			continue;
		note->count++;
		return;
	}
	struct note *note = array_grow(&notes->items, notes->count, sizeof(*note));
	if (note == NULL || (note->sentence = strdup(sentence)) == NULL) {
		notes->error = -ENOMEM;
		return;
	}
	note->item = notes->item;
	note->count = 1;
	notes->count++;
}

static void render_note(struct text *text, const struct note *note)
{
	char address[PCI_ADDRESS_SIZE];

	text_add(text, "note: %s", pci_address_format(&note->item->device->address, address));
	if (note->count > 1)
		text_add(text, " and %zu more", note->count - 1);
	text_add(text, " (claim %s): %s\n", note->item->decision->claim->name, note->sentence);
}

static bool has_blacklisted(const struct inventory_item *item)
{
	for (size_t i = 0; i < item->module_count; i++)
		if (item->modules[i].blacklisted)
			return true;
	return false;
}

static int render_notes(struct text *text, const struct inventory *inventory)
{
	struct notes notes = { 0 };
	bool blacklisted = false;

	for (size_t i = 0; i < inventory->count; i++) {
		notes.item = &inventory->items[i];
		if (!notes.item->shown)
			continue;
		item_warnings(notes.item, add_note, &notes);
		blacklisted = blacklisted || has_blacklisted(notes.item);
	}
	for (size_t i = 0; i < notes.count; i++) {
		render_note(text, &notes.items[i]);
		free(notes.items[i].sentence);
	}
	free(notes.items);
	if (blacklisted)
		text_add(text, "note: a module with ! before its name is blacklisted\n");
	return notes.error;
}

static int add_table_row(struct grid *grid, const struct inventory *inventory,
			 const struct inventory_item *item, bool colour)
{
	char out[CELL_SIZE];
	char ids[PCI_IDS_SIZE];
	struct row *row = add_row(grid);

	if (row == NULL)
		return -ENOMEM;
	(void)snprintf(ids, sizeof(ids), "%04x:%04x", item->device->ids.vendor & 0xffff,
		       item->device->ids.device & 0xffff);
	row->cells[0] = strdup(pci_address_format(&item->device->address, out));
	row->cells[1] = strdup(ids);
	row->cells[2] = strdup(class_word(item->device->class_code));
	row->cells[3] = number_cell(item->device->iommu_group);
	row->cells[4] =
		inventory->numa_known ? number_cell(item->details->numa_node) : strdup("");
	row->cells[5] = strdup(item_driver(item, out));
	row->cells[6] = strdup(item_claim(item, out));
	row->cells[7] = strdup(item_name(item, out));
	row->marks = strdup(item_marks(item, out));
	set_colour(row, item, colour);
	return is_whole(row, COLUMN_COUNT) ? 0 : -ENOMEM;
}

int inventory_table(const struct inventory *inventory, size_t columns, bool colour,
		    char **ret_text)
{
	static const struct column titles[] = {
		{ .title = "ADDRESS" },
		{ .title = "ID" },
		{ .title = "CLASS" },
		{ .title = "GROUP", .to_right = true },
		{ .title = "NUMA", .to_right = true, .optional = true },
		{ .title = "DRIVER (MODULES)" },
		{ .title = "CLAIM", .is_claim = true, .optional = true },
		{ .title = "NAME" },
	};
	struct grid grid = { .columns = titles, .column_count = COLUMN_COUNT };
	struct text text = { 0 };
	int r = 0;

	for (size_t i = 0; r == 0 && i < inventory->count; i++)
		if (inventory->items[i].shown)
			r = add_table_row(&grid, inventory, &inventory->items[i], colour);
	if (r == 0) {
		render_grid(&text, &grid, columns, colour);
		r = render_notes(&text, inventory);
	}
	if (r == 0)
		r = text_take(&text, ret_text);
	else
		text_free(&text);
	grid_free(&grid);
	return r;
}

/* What stands before an address: "|   |-- ". */
static void add_branches(struct text *text, const struct inventory_tree *tree, size_t index,
			 const bool *open)
{
	unsigned depth = tree->nodes[index].depth;

	for (unsigned i = 0; i < depth && i < INDENT_MOST; i++)
		text_add(text, "%s", open[i] ? "|   " : "    ");
	text_add(text, "%s", tree->nodes[index].last ? "`-- " : "|-- ");
}

static int add_heading(struct grid *grid, const struct inventory_item *item)
{
	char heading[64];
	struct row *row = add_row(grid);

	if (row == NULL)
		return -ENOMEM;
	(void)snprintf(heading, sizeof(heading), "root bus %04x:%02x",
		       item->device->address.domain, item->device->address.bus);
	row->is_heading = true;
	row->cells[0] = strdup(heading);
	return row->cells[0] != NULL ? 0 : -ENOMEM;
}

/* "VGA compatible controller: NVIDIA GP106GL [Quadro P2000]" */
static char *class_and_name(const struct inventory_item *item)
{
	char class_name[CELL_SIZE];
	char name[CELL_SIZE];
	char *both = NULL;

	(void)clean_text(item->class_name != NULL ? item->class_name : "", class_name,
			 sizeof(class_name));
	(void)item_name(item, name);
	if (class_name[0] == '\0' || strcmp(class_name, name) == 0)
		return strdup(name);
	return asprintf(&both, "%s: %s", class_name, name) >= 0 ? both : NULL;
}

static int add_tree_row(struct grid *grid, const struct inventory *inventory,
			const struct inventory_tree *tree, size_t index, const bool *open,
			bool colour)
{
	const struct inventory_item *item = &inventory->items[tree->nodes[index].item];
	char out[CELL_SIZE];
	struct text place = { 0 };
	struct row *row = add_row(grid);

	if (row == NULL)
		return -ENOMEM;
	add_branches(&place, tree, index, open);
	text_add(&place, "%s", pci_address_format(&item->device->address, out));
	int r = text_take(&place, &row->cells[0]);
	if (r < 0)
		return r;
	row->cells[1] = number_cell(item->device->iommu_group);
	row->cells[2] = strdup(item_driver(item, out));
	row->cells[3] = strdup(item_claim(item, out));
	row->cells[4] = class_and_name(item);
	row->marks = strdup(item_marks(item, out));
	set_colour(row, item, colour);
	return is_whole(row, grid->column_count) ? 0 : -ENOMEM;
}

/* True for the first node of a root bus. */
static bool starts_bus(const struct inventory *inventory, const struct inventory_tree *tree,
		       const struct inventory_item *before, size_t index)
{
	const struct inventory_item *item = &inventory->items[tree->nodes[index].item];

	return tree->nodes[index].depth == 0 &&
	       (before == NULL ||
		before->device->address.domain != item->device->address.domain ||
		before->device->address.bus != item->device->address.bus);
}

static int add_tree_rows(struct grid *grid, const struct inventory *inventory,
			 const struct inventory_tree *tree, bool colour)
{
	const struct inventory_item *top = NULL;
	bool open[INDENT_MOST + 1] = { false };
	int r = 0;

	for (size_t i = 0; r == 0 && i < tree->count; i++) {
		unsigned depth = tree->nodes[i].depth;

		if (starts_bus(inventory, tree, top, i))
			r = add_heading(grid, &inventory->items[tree->nodes[i].item]);
		if (r == 0)
			r = add_tree_row(grid, inventory, tree, i, open, colour);
		if (depth == 0)
			top = &inventory->items[tree->nodes[i].item];
		if (depth < INDENT_MOST)
			open[depth] = !tree->nodes[i].last;
	}
	return r;
}

int inventory_render_tree(const struct inventory *inventory, size_t columns, bool colour,
			  char **ret_text)
{
	static const struct column titles[] = {
		{ .title = "ADDRESS" },
		{ .title = "GROUP", .to_right = true },
		{ .title = "DRIVER (MODULES)" },
		{ .title = "CLAIM", .is_claim = true, .optional = true },
		{ .title = "CLASS AND NAME" },
	};
	struct grid grid = { .columns = titles, .column_count = 5 };
	struct inventory_tree tree;
	struct text text = { 0 };
	int r = inventory_tree(inventory, &tree);

	if (r < 0)
		return r;
	r = add_tree_rows(&grid, inventory, &tree, colour);
	if (r == 0) {
		render_grid(&text, &grid, columns, colour);
		r = render_notes(&text, inventory);
	}
	if (r == 0)
		r = text_take(&text, ret_text);
	else
		text_free(&text);
	grid_free(&grid);
	inventory_tree_free(&tree);
	return r;
}
