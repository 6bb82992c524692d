// SPDX-License-Identifier: GPL-2.0-or-later
/* Reads back what the boot helper recorded of this boot. */
#include "boot_record.h"

#include <errno.h>
#include <json-c/json.h>
#include <string.h>

#include "record.h"
#include "version.h"

/* Some 50,000 devices. */
enum { RECORD_SIZE_MOST = 1 << 26 };

static const char *string_of(const json_object *object, const char *name)
{
	json_object *value = NULL;

	return json_object_object_get_ex(object, name, &value) &&
			       json_object_is_type(value, json_type_string)
		       ? json_object_get_string(value)
		       : "";
}

static bool truth_of(const json_object *object, const char *name)
{
	json_object *value = NULL;

	return json_object_object_get_ex(object, name, &value) &&
	       json_object_get_boolean(value);
}

static double number_of(const json_object *object, const char *name)
{
	json_object *value = NULL;

	return json_object_object_get_ex(object, name, &value) ? json_object_get_double(value)
							       : 0;
}

static json_object *array_of(const json_object *object, const char *name)
{
	json_object *value = NULL;

	return json_object_object_get_ex(object, name, &value) &&
			       json_object_is_type(value, json_type_array)
		       ? value
		       : NULL;
}

/* Texts for people may be cut. */
static void copy_cut(char *field, size_t size, const char *string)
{
	(void)snprintf(field, size, "%s", string);
}

static enum boot_outcome outcome_of(const char *word)
{
	static const struct {
		const char *word;
		enum boot_outcome outcome;
	} words[] = {
		{ "claimed", BOOT_CLAIMED },
		{ "failed", BOOT_FAILED },
		{ "refused", BOOT_REFUSED },
		{ "waiting", BOOT_WAITING },
	};

	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if (strcmp(words[i].word, word) == 0)
			return words[i].outcome;
	return BOOT_NOT_NAMED;
}

static int compare_devices(const void *a, const void *b)
{
	const struct boot_device *left = a;
	const struct boot_device *right = b;

	return pci_address_compare(&left->address, &right->address);
}

/* Adds those of a run; what `earlier`, a run before, has of a device gives way to it. */
static void read_into(const json_object *array, size_t count, const struct boot_record *earlier,
		      struct boot_record *record)
{
	for (size_t i = 0; i < count; i++) {
		const json_object *item = json_object_array_get_idx(array, i);
		struct pci_address address;

		if (pci_address_parse(string_of(item, "address"), &address, NULL) < 0)
			continue;
		const struct boot_device *known = boot_record_find(earlier, &address);
		struct boot_device *device =
			known != NULL ? &record->devices[known - earlier->devices]
				      : &record->devices[record->device_count++];
		device->address = address;
		device->outcome = outcome_of(string_of(item, "outcome"));
		device->is_vf = truth_of(item, "vf");
		copy_cut(device->claim, sizeof(device->claim), string_of(item, "claim"));
		copy_cut(device->reason, sizeof(device->reason), string_of(item, "reason"));
	}
}

/* The early run's, then the late one's: what that says of a device is the last word. */
static int read_devices(const json_object *array, struct boot_record *record)
{
	size_t count = array != NULL ? json_object_array_length(array) : 0;
	struct boot_device *devices = reallocarray(
		record->devices, record->device_count + count + 1, sizeof(*devices));

	if (devices == NULL)
		return -ENOMEM;
	record->devices = devices;
	const struct boot_record earlier = *record;
	read_into(array, count, &earlier, record);
	qsort(record->devices, record->device_count, sizeof(*record->devices), compare_devices);
	return 0;
}

static int read_object(const json_object *object, struct boot_record *record)
{
	json_object *table = NULL;
	json_object *late = NULL;

	if (!json_object_is_type(object, json_type_object) ||
	    number_of(object, "schema") != RECORD_SCHEMA)
		return -EBADMSG;
	record->found = true;
	record->enabled = truth_of(object, "enabled");
	record->seconds = number_of(object, "finished") - number_of(object, "started");
	if (json_object_object_get_ex(object, "table", &table)) {
		copy_cut(record->table_status, sizeof(record->table_status),
			 string_of(table, "status"));
		copy_cut(record->table_checksum, sizeof(record->table_checksum),
			 string_of(table, "checksum"));
		copy_cut(record->table_reason, sizeof(record->table_reason),
			 string_of(table, "reason"));
	}
	int r = read_devices(array_of(object, "devices"), record);
	if (r == 0 && json_object_object_get_ex(object, "late", &late) && late != NULL) {
		record->seconds += number_of(late, "finished") - number_of(late, "started");
		r = read_devices(array_of(late, "devices"), record);
	}
	return r;
}

int boot_record_read(const struct root *root, struct boot_record *ret_record)
{
	struct boot_record record = { 0 };
	AUTO_FREE char *text = NULL;
	size_t length;
	int r = root_read(root, RUN_RECORD_PATH, RECORD_SIZE_MOST, &text, &length);

	if (r == -ENOENT) {
		*ret_record = record;
		return 0;
	}
	if (r < 0)
		return r;
	json_object *object = json_tokener_parse(text);
	r = read_object(object, &record);
	(void)json_object_put(object);
	if (r < 0) {
		boot_record_free(&record);
		return r;
	}
	*ret_record = record;
	return 0;
}

void boot_record_free(struct boot_record *record)
{
	free(record->devices);
	*record = (struct boot_record){ 0 };
}
