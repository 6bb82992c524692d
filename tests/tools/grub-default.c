// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * grub-default FILE...: how vfio-claim reads each as /etc/default/grub. For each file "unclear" or
 * "clear", and the two values, each with a zero byte behind it.
 */
#include <stdio.h>
#include <stdlib.h>

#include "loader_text.h"

static char *read_file(const char *path)
{
	FILE *file = fopen(path, "r");
	char *text = NULL;
	size_t room = 0;

	/* There is no zero byte in these files. */
	if (file == NULL || (getdelim(&text, &room, '\0', file) < 0 && ferror(file)))
		exit(EXIT_FAILURE);
	(void)fclose(file);
	return text;
}

int main(int argc, char **argv)
{
	for (int i = 1; i < argc; i++) {
		struct grub_default variables = { 0 };
		char *text = read_file(argv[i]);

		if (grub_default_read(text, &variables) < 0)
			return EXIT_FAILURE;
		(void)printf("%s%c", variables.unclear ? "unclear" : "clear", '\0');
		(void)printf("%s%c", variables.linux_args ? variables.linux_args : "", '\0');
		(void)printf("%s%c", variables.default_args ? variables.default_args : "",
			     '\0');
		grub_default_free(&variables);
		free(text);
	}
	return EXIT_SUCCESS;
}
