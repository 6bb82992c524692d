// SPDX-License-Identifier: GPL-2.0-or-later
/* The least that a program can do that looks at every PCI device: list the directory, read one
 * attribute of each. What `make bench` measures vfio-claim-boot against. */
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

int main(int argc, char **argv)
{
	char value[4096];
	char path[300];
	size_t bytes = 0;
	int fd = argc == 2 ? open(argv[1], O_RDONLY | O_DIRECTORY) : -1;
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	const struct dirent *entry;

	if (dir == NULL)
		return 1;
	while ((entry = readdir(dir)) != NULL) {
		if (entry->d_name[0] == '.')
			continue;
		(void)snprintf(path, sizeof(path), "%s/uevent", entry->d_name);
		int file = openat(fd, path, O_RDONLY);
		if (file < 0)
			continue;
		ssize_t length = read(file, value, sizeof(value));
		bytes += length > 0 ? (size_t)length : 0;
		(void)close(file);
	}
	(void)closedir(dir);
	return bytes == 0;
}
