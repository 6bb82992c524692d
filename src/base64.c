// SPDX-License-Identifier: GPL-2.0-or-later
/* Base64, for files that are carried inside of others. */
#include "base64.h"

void text_add_base64(struct text *text, const char *data, size_t length)
{
	static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
				      "0123456789+/";
	const unsigned char *bytes = (const unsigned char *)data;

	for (size_t i = 0; i < length; i += 3) {
		size_t left = length - i;
		uint32_t group = (uint32_t)bytes[i] << 16;

		if (left > 1)
			group |= (uint32_t)bytes[i + 1] << 8;
		if (left > 2)
			group |= bytes[i + 2];
		text_add(text, "%c%c%c%c", letters[group >> 18], letters[group >> 12 & 63],
			 left > 1 ? letters[group >> 6 & 63] : '=',
			 left > 2 ? letters[group & 63] : '=');
	}
}
