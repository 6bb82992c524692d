// SPDX-License-Identifier: GPL-2.0-or-later
/* The machine as a drawing: buses, bridges, groups, who has what, what is in danger. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "inventory.h"
#include "text.h"

/* All in pixels. */
enum {
	MARGIN = 24,
	BLOCK_WIDTH = 560, /* of what stands on a root bus */
	STUB = 18,         /* from the line of the bus to a block */
	COLUMN_WIDTH = BLOCK_WIDTH + STUB,
	COLUMN_GAP = 28,
	GAP = 6,
	INDENT = 14, /* of what stands below a bridge */
	INSET = 6,   /* from a bridge's right edge */
	ROW_HEIGHT = 40,
	LINE_HEIGHT = 15,
	BRIDGE_HEAD = 28,
	BUS_HEAD = 30,
	CHIP_HEIGHT = 16,
	LEGEND_HEIGHT = 22,
	/* Where a tree is deeper than any machine is, its boxes get no narrower. */
	DEPTH_MOST = 12,
	COLUMNS_MOST = 24,
	PAGE_LEAST = 640,
	WRAP_MOST = 3,
	/* Rows that are alike are drawn as one from so many on. */
	ALIKE_LEAST = 3,
	GROUP_COLOURS = 8,
	/* Sizes of fonts. */
	LARGE = 20,
	HEAD = 13,
	NORMAL = 12,
	SMALL = 11,
	TINY = 10,
};

/* The width of a character of DejaVu Sans Mono in hundredths of the font's size. */
enum { MONO = 61 };

/* A box: a bridge with what is below it, one function, or several that are alike. */
struct entry {
	const struct inventory_item *item; /* the first one */
	size_t node;                       /* of the tree, and `count` from it on */
	size_t count;
	unsigned depth;
	bool bridge; /* with functions below it */
	size_t parent;
	size_t end; /* behind the last one below it */
	int height;
	int x;
	int y;
	int next_y; /* where the next one below it goes */
};

struct drawing {
	const struct inventory *inventory;
	const struct inventory_tree *tree;
	struct entry *entries;
	size_t count;
	int column_count;
	int width;
	int height;
	int top; /* of the boxes */
	struct text text;
};

/*
 * The width of a character in hundredths of the font's size, rounded up: that of DejaVu Sans,
 * which is among the widest, so that text stays in its box whatever font a viewer has.
 */
static int character_width(unsigned char c)
{
	if (c >= 0x80)
		return 100;
	if (strchr("ijlI|!'.,:;() []/-", c) != NULL)
		return strchr("ijl'", c) != NULL ? 28 : 40;
	if (strchr("mMwW%@&+<=>~", c) != NULL)
		return strchr("WmM@%", c) != NULL ? 103 : 86;
	if (c >= 'A' && c <= 'Z')
		return 79;
	return strchr("frt", c) != NULL ? 42 : 64;
}

/* In pixels; of `bytes` bytes or up to the end. */
static int text_width(const char *string, size_t bytes, int font)
{
	int width = 0;

	for (; bytes > 0 && *string != '\0'; bytes--, string++)
		if (((unsigned char)*string & 0xc0) != 0x80)
			width += character_width((unsigned char)*string);
	return (width * font + 99) / 100;
}

/* The bytes of the characters that fit into so many pixels. */
static size_t bytes_fitting(const char *string, int pixels, int font)
{
	size_t bytes = 0;
	int width = 0;

	while (string[bytes] != '\0') {
		width += character_width((unsigned char)string[bytes]);
		if (width * font > pixels * 100)
			return bytes;
		bytes++;
		while (((unsigned char)string[bytes] & 0xc0) == 0x80)
			bytes++;
	}
	return bytes;
}

/* `bytes` of cleaned text, as character data or the value of an attribute. */
static void add_escaped(struct text *text, const char *string, size_t bytes)
{
	for (; bytes > 0 && *string != '\0'; bytes--, string++) {
		if (*string == '&')
			text_add(text, "&amp;");
		else if (*string == '<')
			text_add(text, "&lt;");
		else if (*string == '>')
			text_add(text, "&gt;");
		else if (*string == '"')
			text_add(text, "&quot;");
		else
			text_add(text, "%c", *string);
	}
}

/* Text in a style, cut to so many pixels with dots at its end; 0: not cut. */
static void add_text(struct text *text, const char *class, int x, int y, int font, int pixels,
		     const char *string)
{
	size_t bytes = SIZE_MAX;

	if (pixels > 0 && text_width(string, SIZE_MAX, font) > pixels)
		bytes = bytes_fitting(string, pixels - text_width("...", 3, font), font);
	text_add(text, "<text class=\"%s\" x=\"%d\" y=\"%d\">", class, x, y);
	add_escaped(text, string, bytes);
	text_add(text, "%s</text>\n", bytes != SIZE_MAX ? "..." : "");
}

/* The bytes of the next line, broken at a blank if it can be. */
static size_t next_line(const char *string, int pixels, int font)
{
	size_t bytes = bytes_fitting(string, pixels, font);
	size_t blank = bytes;

	if (string[bytes] == '\0')
		return bytes;
	while (blank > 0 && string[blank] != ' ')
		blank--;
	return blank > 0 ? blank : bytes > 0 ? bytes : 1;
}

/* One of the sentences below a row. */
struct sentences {
	struct text *text; /* NULL: only count */
	const char *class;
	int font;
	int x;
	int y;
	int pixels; /* of a line */
	int lines;
};

static void add_sentence(void *context, const char *string)
{
	struct sentences *sentences = context;
	char cleaned[INVENTORY_NAME_SIZE];

	string = clean_text(string, cleaned, sizeof(cleaned));
	for (int i = 0; i < WRAP_MOST && *string != '\0'; i++) {
		size_t bytes = next_line(string, sentences->pixels, sentences->font);

		if (i + 1 == WRAP_MOST)
			bytes = strlen(string);
		if (sentences->text != NULL) {
			char line[INVENTORY_NAME_SIZE];

			(void)snprintf(line, sizeof(line), "%.*s", (int)bytes, string);
			add_text(sentences->text, sentences->class, sentences->x,
				 sentences->y + sentences->lines * LINE_HEIGHT, sentences->font,
				 sentences->pixels, line);
		}
		sentences->lines++;
		string += bytes;
		string += strspn(string, " ");
	}
}

static bool is_refused(const struct inventory_item *item)
{
	return item->decision != NULL && !item_taken(item);
}

static void ignore_sentence(void *context, const char *sentence)
{
	(void)sentence;
	(*(int *)context)++;
}

/* Something will go wrong with it that a claim wants. */
static bool in_danger(const struct inventory_item *item)
{
	int count = 0;

	item_warnings(item, ignore_sentence, &count);
	return count > 0 && !is_refused(item);
}

static void add_sentences(const struct inventory_item *item, struct sentences *sentences)
{
	char need[INVENTORY_NAME_SIZE];

	sentences->class = is_refused(item) ? "s refusedtext" : "s dangertext";
	item_warnings(item, add_sentence, sentences);
	if (item->need == NULL || item_taken(item))
		return;
	sentences->class = "s needtext";
	(void)snprintf(need, sizeof(need), "needed by the system: %.400s", item->need);
	add_sentence(sentences, need);
}

static int depth_of(const struct entry *entry)
{
	return entry->depth < DEPTH_MOST ? (int)entry->depth : DEPTH_MOST;
}

static int width_of(const struct entry *entry)
{
	return BLOCK_WIDTH - depth_of(entry) * (INDENT + INSET);
}

static int sentence_width(const struct entry *entry)
{
	return width_of(entry) - 24;
}

static int count_lines(const struct entry *entry)
{
	struct sentences sentences = { .font = SMALL, .pixels = sentence_width(entry) };

	add_sentences(entry->item, &sentences);
	return sentences.lines;
}

static bool same_claim(const struct inventory_item *a, const struct inventory_item *b)
{
	if (a->decision == NULL || b->decision == NULL)
		return a->decision == b->decision;
	return a->decision->claim == b->decision->claim &&
	       a->decision->verdict == b->decision->verdict &&
	       strcmp(a->decision->driver, b->decision->driver) == 0 &&
	       strcmp(a->decision->reason, b->decision->reason) == 0;
}

/* Of the same make; or, where nobody has them or wants them, of the same kind. */
static bool are_alike(const struct inventory_item *a, const struct inventory_item *b)
{
	const struct pci_ids *left = &a->device->ids;
	const struct pci_ids *right = &b->device->ids;

	if (strcmp(a->device->driver, b->device->driver) != 0 || !same_claim(a, b) ||
	    in_danger(a) || in_danger(b) || a->need != NULL || b->need != NULL ||
	    a->details->boot_vga == 1 || b->details->boot_vga == 1 ||
	    a->details->sriov_totalvfs > 0 || b->details->sriov_totalvfs > 0)
		return false;
	if (left->vendor == right->vendor && left->device == right->device)
		return true;
	return a->device->driver[0] == '\0' && a->decision == NULL &&
	       left->vendor == right->vendor &&
	       strcmp(class_word(a->device->class_code), class_word(b->device->class_code)) ==
		       0 &&
	       strcmp(class_word(a->device->class_code), "display") != 0;
}

static bool is_leaf(const struct inventory_tree *tree, size_t node)
{
	return tree->nodes[node].end == node + 1;
}

/* How many nodes from this one on are drawn as one. */
static size_t count_alike(const struct inventory *inventory, const struct inventory_tree *tree,
			  size_t node)
{
	const struct inventory_item *first = &inventory->items[tree->nodes[node].item];
	size_t end = node;

	if (!is_leaf(tree, node))
		return 1;
	while (end < tree->count && is_leaf(tree, end) &&
	       tree->nodes[end].depth == tree->nodes[node].depth &&
	       are_alike(first, &inventory->items[tree->nodes[end].item])) {
		end++;
		if (tree->nodes[end - 1].last)
			break;
	}
	/* The first may not be like itself: it is in danger, say. */
	return end < node + ALIKE_LEAST ? 1 : end - node;
}

static void add_entries(struct drawing *drawing, size_t *entry_of)
{
	const struct inventory *inventory = drawing->inventory;
	const struct inventory_tree *tree = drawing->tree;

	for (size_t i = 0, next; i < tree->count; i = next) {
		size_t count = count_alike(inventory, tree, i);
		size_t parent = inventory->items[tree->nodes[i].item].details->parent;

		next = i + count;
		entry_of[tree->nodes[i].item] = drawing->count;
		drawing->entries[drawing->count++] = (struct entry){
			.item = &inventory->items[tree->nodes[i].item],
			.node = i,
			.count = count,
			.depth = tree->nodes[i].depth,
			.bridge = !is_leaf(tree, i),
			.parent = parent == NO_PARENT ? NO_PARENT : entry_of[parent],
		};
	}
}

/* Ends and heights, from behind: what is below a bridge is there already. */
static void measure(struct drawing *drawing)
{
	for (size_t i = drawing->count; i-- > 0;) {
		struct entry *entry = &drawing->entries[i];
		size_t child = i + 1;

		entry->height = (entry->bridge ? BRIDGE_HEAD : ROW_HEIGHT) +
				count_lines(entry) * LINE_HEIGHT;
		while (child < drawing->count && drawing->entries[child].depth > entry->depth) {
			entry->height += drawing->entries[child].height + GAP;
			child = drawing->entries[child].end;
		}
		entry->end = child;
		entry->next_y = (entry->bridge ? BRIDGE_HEAD : ROW_HEIGHT) +
				count_lines(entry) * LINE_HEIGHT;
		if (entry->bridge)
			entry->height += 2;
	}
}

static bool starts_bus(const struct drawing *drawing, size_t index, size_t before)
{
	const struct pci_address *address = &drawing->entries[index].item->device->address;
	const struct pci_address *other =
		before == NO_PARENT ? NULL : &drawing->entries[before].item->device->address;

	return other == NULL || other->domain != address->domain || other->bus != address->bus;
}

/* So many columns that the page is about half as wide again as it is high. */
static int choose_columns(const struct drawing *drawing)
{
	long total = 0;
	int columns = 1;

	for (size_t i = 0; i < drawing->count; i = drawing->entries[i].end)
		total += drawing->entries[i].height + GAP;
	while (columns < COLUMNS_MOST &&
	       2L * (columns + 1) * (COLUMN_WIDTH + COLUMN_GAP) < 3 * total / columns)
		columns++;
	return columns;
}

/* Places what stands on the root buses, column by column. Returns the height that it takes. */
static int place_blocks(struct drawing *drawing, int most)
{
	size_t before = NO_PARENT;
	int y = 0;
	int x = MARGIN + STUB;
	int lowest = 0;
	int column = 1;

	for (size_t i = 0; i < drawing->count; i = drawing->entries[i].end) {
		struct entry *entry = &drawing->entries[i];
		bool head = starts_bus(drawing, i, before);
		int needed = (head ? BUS_HEAD : 0) + entry->height;

		if (y > 0 && y + needed > most && column < drawing->column_count) {
			x += COLUMN_WIDTH + COLUMN_GAP;
			column++;
			y = 0;
		}
		/* A column begins with the name of its bus. */
		if (head || y == 0)
			y += BUS_HEAD + (y > 0 ? GAP : 0);
		entry->x = x;
		entry->y = y;
		y += entry->height + GAP;
		lowest = y > lowest ? y : lowest;
		before = i;
	}
	return lowest;
}

/* The smallest height for which the columns do. */
static void place(struct drawing *drawing)
{
	int low = 0;
	int high;

	drawing->column_count = choose_columns(drawing);
	high = place_blocks(drawing, 0);
	for (size_t i = 0; i < drawing->count; i = drawing->entries[i].end)
		high += drawing->entries[i].height + GAP + BUS_HEAD;
	while (low < high) {
		int middle = low + (high - low) / 2;

		if (place_blocks(drawing, middle) <= middle)
			high = middle;
		else
			low = middle + 1;
	}
	drawing->height = place_blocks(drawing, high);
	for (size_t i = 0; i < drawing->count; i++) {
		struct entry *entry = &drawing->entries[i];
		struct entry *parent =
			entry->depth == 0 ? NULL : &drawing->entries[entry->parent];

		if (parent != NULL) {
			entry->x = parent->x + (entry->depth <= DEPTH_MOST ? INDENT : 0);
			entry->y = parent->next_y;
			parent->next_y += entry->height + GAP;
		}
		entry->next_y += entry->y;
	}
}

static const char style[] =
	"text{font-family:'DejaVu Sans','Liberation Sans',Arial,Helvetica,sans-serif}"
	".t{font-size:20px;font-weight:bold;fill:#1f2933}"
	".u{font-size:12px;fill:#52606d}"
	".h{font-size:13px;font-weight:bold;fill:#1f2933}"
	".a{font-family:'DejaVu Sans Mono','Liberation Mono',Consolas,monospace;"
	"font-size:12px;font-weight:bold;fill:#1f2933}"
	".n{font-size:12px;fill:#1f2933}"
	".s{font-size:11px;fill:#52606d}"
	".c{font-size:10px;fill:#1f2933;text-anchor:middle}"
	".e{text-anchor:end}"
	".claimtext{fill:#1b7340;font-weight:bold}"
	".dangertext{fill:#b3261e}"
	".refusedtext{fill:#8a5a00}"
	".needtext{fill:#1d4f91}"
	".bridge{fill:#fbfcfd;stroke:#9fb3c8}"
	".native{fill:#e3edf9;stroke:#b6cbe6}"
	".vfio{fill:#dcf3e4;stroke:#a6d8b9}"
	".none{fill:#f1f2f4;stroke:#d3d7dc}"
	".nativeband{fill:#2f6fb3}"
	".vfioband{fill:#23864e}"
	".noneband{fill:#9aa5b1}"
	".claimed{fill:none;stroke:#23864e;stroke-width:2;stroke-dasharray:6 3}"
	".refused{fill:none;stroke:#d08700;stroke-width:2;stroke-dasharray:2 3}"
	".danger{fill:none;stroke:#d93025;stroke-width:2.5}"
	".bus{stroke:#52606d;stroke-width:3}"
	".stub{stroke:#52606d;stroke-width:1.5}"
	".g{fill:#fff;stroke:#bcc4cd}"
	".g0{fill:#fde2b8}.g1{fill:#d6e8ff}.g2{fill:#e8dcff}.g3{fill:#c9f0ea}"
	".g4{fill:#ffd9e3}.g5{fill:#e6f2b5}.g6{fill:#ffe0cc}.g7{fill:#d9e0f5}"
	".gs{stroke:#52606d}";

static const char *owner_word(const struct inventory_item *item)
{
	static const char *const words[] = { "none", "native", "vfio" };

	return words[item_owner(item)];
}

static const struct inventory_item *member(const struct drawing *drawing,
					   const struct entry *entry, size_t index)
{
	return &drawing->inventory->items[drawing->tree->nodes[entry->node + index].item];
}

/* "group 5", "groups 5 to 68"; empty where there is none. */
static void group_text(const struct drawing *drawing, const struct entry *entry, char *out,
		       size_t size)
{
	int low = entry->item->device->iommu_group;
	int high = low;

	out[0] = '\0';
	for (size_t i = 0; i < entry->count; i++) {
		int group = member(drawing, entry, i)->device->iommu_group;

		low = group < low ? group : low;
		high = group > high ? group : high;
	}
	if (low >= 0 && low == high)
		(void)snprintf(out, size, "group %d", low);
	else if (high >= 0)
		(void)snprintf(out, size, "groups %d to %d", low < 0 ? 0 : low, high);
}

/* Coloured where the group has others in it. Returns where the chip begins. */
static int draw_group(struct drawing *drawing, const struct entry *entry)
{
	char group[48];
	char class[16] = "g";
	int right = entry->x + width_of(entry) - 7;

	group_text(drawing, entry, group, sizeof(group));
	if (group[0] == '\0')
		return right;
	if (entry->item->group_size > 1 && strncmp(group, "group ", 6) == 0)
		(void)snprintf(class, sizeof(class), "gs g%d",
			       entry->item->device->iommu_group % GROUP_COLOURS);
	int width = text_width(group, SIZE_MAX, TINY) + 12;
	text_add(&drawing->text,
		 "<rect class=\"%s\" x=\"%d\" y=\"%d\" width=\"%d\" height=\"%d\" rx=\"8\"/>\n",
		 class, right - width, entry->y + 6, width, CHIP_HEIGHT);
	add_text(&drawing->text, "c", right - width / 2, entry->y + 18, TINY, 0, group);
	return right - width;
}

/* "0000:05:10.0 to 0000:05:17.7" */
static void address_text(const struct drawing *drawing, const struct entry *entry, char *out,
			 size_t size)
{
	char first[PCI_ADDRESS_SIZE];
	char last[PCI_ADDRESS_SIZE];

	(void)pci_address_format(&entry->item->device->address, first);
	(void)pci_address_format(&member(drawing, entry, entry->count - 1)->device->address,
				 last);
	(void)snprintf(out, size, "%s%s%s", first, entry->count > 1 ? " to " : "",
		       entry->count > 1 ? last : "");
}

/* What stands behind the address: its name, or how many there are of which. */
static void name_text(const struct drawing *drawing, const struct entry *entry, char *out,
		      size_t size)
{
	char name[INVENTORY_NAME_SIZE];
	bool same = true;

	for (size_t i = 1; i < entry->count; i++)
		same = same && member(drawing, entry, i)->device->ids.device ==
				       entry->item->device->ids.device;
	(void)item_name(entry->item, name);
	if (entry->count == 1)
		(void)snprintf(out, size, "%s", name);
	else if (same)
		(void)snprintf(out, size, "%zu x %.480s", entry->count, name);
	else
		(void)snprintf(out, size, "%zu functions (%s)", entry->count,
			       class_word(entry->item->device->class_code));
}

/* "display, 10de:1c30, driver nouveau, boot display, NUMA node 1" */
static void facts_text(const struct drawing *drawing, const struct entry *entry, char *out,
		       size_t size)
{
	const struct inventory_item *item = entry->item;
	char driver[INVENTORY_NAME_SIZE];
	char marks[INVENTORY_NAME_SIZE] = "";
	char node[32] = "";

	(void)item_driver(item, driver);
	if (entry->count == 1)
		(void)item_marks(item, marks);
	else if (item->details->is_vf)
		(void)snprintf(marks, sizeof(marks), "VFs");
	if (drawing->inventory->numa_known && item->details->numa_node >= 0)
		(void)snprintf(node, sizeof(node), ", NUMA node %d", item->details->numa_node);
	(void)snprintf(out, size, "%s, %04x:%04x, %s%.200s%s%.200s%s",
		       class_word(item->device->class_code), item->device->ids.vendor & 0xffff,
		       item->device->ids.device & 0xffff,
		       item_owner(item) == OWNER_NONE ? "no driver" : "driver ",
		       item_owner(item) == OWNER_NONE ? driver + 1 : driver,
		       marks[0] != '\0' ? ", " : "", marks, node);
}

/* The frame around what a claim names. */
static void draw_frame(struct drawing *drawing, const struct entry *entry)
{
	const char *class = in_danger(entry->item)    ? "danger"
			    : item_taken(entry->item) ? "claimed"
			    : is_refused(entry->item) ? "refused"
						      : NULL;

	if (class != NULL)
		text_add(&drawing->text,
			 "<rect class=\"%s\" x=\"%d\" y=\"%d\" width=\"%d\" height=\"%d\" "
			 "rx=\"5\"/>\n",
			 class, entry->x, entry->y, width_of(entry), entry->height);
}

static void draw_sentences(struct drawing *drawing, const struct entry *entry, int y)
{
	struct sentences sentences = {
		.text = &drawing->text,
		.x = entry->x + 14,
		.y = y,
		.font = SMALL,
		.pixels = sentence_width(entry),
	};

	add_sentences(entry->item, &sentences);
}

/* The first line of a box: address, name, group. */
static void draw_head(struct drawing *drawing, const struct entry *entry)
{
	char address[2 * PCI_ADDRESS_SIZE + 8];
	char name[INVENTORY_NAME_SIZE];
	int left = entry->x + 14;
	int right = draw_group(drawing, entry) - 6;

	address_text(drawing, entry, address, sizeof(address));
	name_text(drawing, entry, name, sizeof(name));
	add_text(&drawing->text, "a", left, entry->y + 18, NORMAL, 0, address);
	left += (int)strlen(address) * NORMAL * MONO / 100 + 8;
	add_text(&drawing->text, "n", left, entry->y + 18, NORMAL, right - left, name);
}

/* The second: what it is, who has it, which claim wants it. */
static void draw_facts(struct drawing *drawing, const struct entry *entry)
{
	const struct decision *decision = entry->item->decision;
	char facts[INVENTORY_NAME_SIZE];
	char claim[INVENTORY_NAME_SIZE];
	int left = entry->x + 14;
	int right = entry->x + width_of(entry) - 8;

	if (decision != NULL) {
		(void)snprintf(claim, sizeof(claim), "claim %.40s: %s", decision->claim->name,
			       item_taken(entry->item) ? decision->driver : "refused");
		add_text(&drawing->text,
			 item_taken(entry->item) ? "s e claimtext" : "s e refusedtext", right,
			 entry->y + 33, SMALL, 0, claim);
		right -= text_width(claim, SIZE_MAX, SMALL) * 11 / 10 + 8; /* it is bold */
	}
	facts_text(drawing, entry, facts, sizeof(facts));
	add_text(&drawing->text, "s", left, entry->y + 33, SMALL, right - left, facts);
}

/* What a viewer shows when the pointer rests on the box: nothing of it is cut. */
static void draw_tip(struct drawing *drawing, const struct entry *entry)
{
	char address[2 * PCI_ADDRESS_SIZE + 8];
	char name[INVENTORY_NAME_SIZE];
	char facts[INVENTORY_NAME_SIZE];

	address_text(drawing, entry, address, sizeof(address));
	name_text(drawing, entry, name, sizeof(name));
	facts_text(drawing, entry, facts, sizeof(facts));
	text_add(&drawing->text, "<title>%s ", address);
	add_escaped(&drawing->text, name, SIZE_MAX);
	text_add(&drawing->text, " (");
	add_escaped(&drawing->text, facts, SIZE_MAX);
	text_add(&drawing->text, ")</title>\n");
}

static void draw_entry(struct drawing *drawing, const struct entry *entry)
{
	struct text *text = &drawing->text;
	const char *owner = entry->bridge ? "bridge" : owner_word(entry->item);

	text_add(text, "<g>");
	draw_tip(drawing, entry);
	text_add(text,
		 "<rect class=\"%s\" x=\"%d\" y=\"%d\" width=\"%d\" height=\"%d\" "
		 "rx=\"5\"/>\n",
		 owner, entry->x, entry->y, width_of(entry), entry->height);
	draw_head(drawing, entry);
	if (!entry->bridge) {
		text_add(text,
			 "<rect class=\"%sband\" x=\"%d\" y=\"%d\" width=\"5\" "
			 "height=\"%d\"/>\n",
			 owner, entry->x + 3, entry->y + 4, entry->height - 8);
		draw_facts(drawing, entry);
	}
	draw_sentences(drawing, entry,
		       entry->y + (entry->bridge ? BRIDGE_HEAD + 4 : ROW_HEIGHT + 8));
	draw_frame(drawing, entry);
	text_add(text, "</g>\n");
}

/* The name of a root bus, and the line from it, or from the block above, to this block. */
static void draw_stub(struct drawing *drawing, size_t index, size_t before)
{
	const struct entry *entry = &drawing->entries[index];
	const struct entry *above = before == NO_PARENT ? NULL : &drawing->entries[before];
	bool head = starts_bus(drawing, index, before);
	int x = entry->x - STUB + 4;
	int y = entry->y + 14;
	char name[64];

	if (head || above->x != entry->x) {
		(void)snprintf(name, sizeof(name), "root bus %04x:%02x%s",
			       entry->item->device->address.domain,
			       entry->item->device->address.bus, head ? "" : " (continued)");
		add_text(&drawing->text, "h", x - 2, entry->y - 11, HEAD, 0, name);
		above = NULL;
	}
	text_add(&drawing->text,
		 "<line class=\"bus\" x1=\"%d\" y1=\"%d\" x2=\"%d\" y2=\"%d\"/>"
		 "<line class=\"stub\" x1=\"%d\" y1=\"%d\" x2=\"%d\" y2=\"%d\"/>\n",
		 x, above == NULL ? entry->y - 6 : above->y + 14, x, y + 1, x, y, entry->x, y);
}

static void draw_entries(struct drawing *drawing)
{
	size_t before = NO_PARENT;

	for (size_t i = 0; i < drawing->count; i = drawing->entries[i].end) {
		draw_stub(drawing, i, before);
		before = i;
	}
	for (size_t i = 0; i < drawing->count; i++)
		draw_entry(drawing, &drawing->entries[i]);
}

static const struct {
	const char *class;
	const char *band; /* or NULL */
	const char *words;
} legend[] = {
	{ "native", "nativeband", "a native driver has it" },
	{ "vfio", "vfioband", "VFIO has it" },
	{ "none", "noneband", "nobody has it" },
	{ "bridge", NULL, "a bridge and what is below it" },
	{ "claimed", NULL, "claimed: VFIO's at the next boot" },
	{ "danger", NULL, "claimed, and something is wrong" },
	{ "refused", NULL, "claimed, but refused" },
	{ "gs g0", NULL, "an IOMMU group of several functions" },
};

enum { LEGEND_COUNT = sizeof(legend) / sizeof(legend[0]) };

/* Draws the legend, or only measures it where `draw` is not set. Returns its height. */
static int draw_legend(struct drawing *drawing, int y, bool draw)
{
	int x = MARGIN;
	int top = y;

	for (size_t i = 0; i < LEGEND_COUNT; i++) {
		int width = 30 + text_width(legend[i].words, SIZE_MAX, SMALL) + 22;

		if (x > MARGIN && x + width > drawing->width - MARGIN) {
			x = MARGIN;
			y += LEGEND_HEIGHT;
		}
		if (draw) {
			text_add(&drawing->text,
				 "<rect class=\"%s\" x=\"%d\" y=\"%d\" width=\"24\" "
				 "height=\"14\" rx=\"%d\"/>\n",
				 legend[i].class, x, y,
				 strncmp(legend[i].class, "gs", 2) == 0 ? 7 : 3);
			if (legend[i].band != NULL)
				text_add(&drawing->text,
					 "<rect class=\"%s\" x=\"%d\" y=\"%d\" width=\"5\" "
					 "height=\"10\"/>\n",
					 legend[i].band, x + 2, y + 2);
			add_text(&drawing->text, "s", x + 30, y + 11, SMALL, 0,
				 legend[i].words);
		}
		x += width;
	}
	return y + LEGEND_HEIGHT - top;
}

/* How many of what there are. */
static void summary_text(const struct inventory *inventory, char *out, size_t size)
{
	size_t shown = 0;
	size_t vfio = 0;
	size_t claimed = 0;
	size_t danger = 0;
	size_t refused = 0;
	bool groups = false;

	for (size_t i = 0; i < inventory->count; i++) {
		const struct inventory_item *item = &inventory->items[i];

		groups = groups || item->device->iommu_group >= 0;
		if (!item->shown)
			continue;
		shown++;
		vfio += item_owner(item) == OWNER_VFIO ? 1 : 0;
		claimed += item_taken(item) ? 1 : 0;
		danger += in_danger(item) ? 1 : 0;
		refused += is_refused(item) ? 1 : 0;
	}
	(void)snprintf(out, size,
		       "%zu function%s; VFIO has %zu now. The next boot claims %zu (%zu with "
		       "something wrong) and refuses %zu.%s",
		       shown, shown == 1 ? "" : "s", vfio, claimed, danger, refused,
		       groups ? "" : " There are no IOMMU groups: the IOMMU is off.");
}

static void draw_page(struct drawing *drawing, const char *title)
{
	struct text *text = &drawing->text;
	char cleaned[INVENTORY_NAME_SIZE];
	char summary[INVENTORY_NAME_SIZE];

	(void)clean_text(title, cleaned, sizeof(cleaned));
	summary_text(drawing->inventory, summary, sizeof(summary));
	text_add(text,
		 "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
		 "<svg xmlns=\"http://www.w3.org/2000/svg\" version=\"1.1\" width=\"%d\" "
		 "height=\"%d\" viewBox=\"0 0 %d %d\">\n<title>",
		 drawing->width, drawing->height, drawing->width, drawing->height);
	add_escaped(text, cleaned, SIZE_MAX);
	text_add(text, "</title>\n<desc>");
	add_escaped(text, summary, SIZE_MAX);
	text_add(text,
		 "</desc>\n<style type=\"text/css\">%s</style>\n"
		 "<rect x=\"0\" y=\"0\" width=\"%d\" height=\"%d\" fill=\"#ffffff\"/>\n",
		 style, drawing->width, drawing->height);
	add_text(text, "t", MARGIN, 44, LARGE, (drawing->width - 2 * MARGIN) * 9 / 10, cleaned);
	struct sentences lines = {
		.text = text,
		.class = "u",
		.font = NORMAL,
		.x = MARGIN,
		.y = 66,
		.pixels = drawing->width - 2 * MARGIN,
	};
	add_sentence(&lines, summary);
	(void)draw_legend(drawing, 66 + lines.lines * LINE_HEIGHT, true);
	draw_entries(drawing);
	text_add(text, "</svg>\n");
}

/* Width and height of the page, and the boxes moved below title and legend. */
static void lay_out(struct drawing *drawing)
{
	char summary[INVENTORY_NAME_SIZE];
	int used = drawing->column_count;

	drawing->width = 2 * MARGIN + used * COLUMN_WIDTH + (used - 1) * COLUMN_GAP;
	drawing->width = drawing->width < PAGE_LEAST ? PAGE_LEAST : drawing->width;
	summary_text(drawing->inventory, summary, sizeof(summary));
	struct sentences lines = {
		.font = NORMAL,
		.pixels = drawing->width - 2 * MARGIN,
	};
	add_sentence(&lines, summary);
	drawing->top = 66 + lines.lines * LINE_HEIGHT;
	drawing->top += draw_legend(drawing, drawing->top, false) + 8;
	for (size_t i = 0; i < drawing->count; i++)
		drawing->entries[i].y += drawing->top;
	drawing->height += drawing->top + MARGIN;
}

int inventory_svg(const struct inventory *inventory, const char *title, char **ret_text)
{
	AUTO_FREE struct entry *entries = calloc(inventory->count + 1, sizeof(*entries));
	AUTO_FREE size_t *entry_of = calloc(inventory->count + 1, sizeof(*entry_of));
	struct inventory_tree tree;

	if (entries == NULL || entry_of == NULL)
		return -ENOMEM;
	int r = inventory_tree(inventory, &tree);
	if (r < 0)
		return r;
	struct drawing drawing = { .inventory = inventory, .tree = &tree, .entries = entries };
	add_entries(&drawing, entry_of);
	measure(&drawing);
	place(&drawing);
	lay_out(&drawing);
	draw_page(&drawing, title);
	inventory_tree_free(&tree);
	return text_take(&drawing.text, ret_text);
}
