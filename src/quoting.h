/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Strings in the languages of other systems' files. Pure: libc only, no I/O.
 *
 * Each quote_*() appends one value, with its quotes where the language has them, such that a
 * reader of that language gets `string` back, byte for byte, and nothing of it can end the value
 * early. Each returns 0, or -EINVAL where the language has no way to say the string (nothing is
 * appended then). Without memory the text's own error is set, as by text_add().
 */
#ifndef VFIO_CLAIM_QUOTING_H
#define VFIO_CLAIM_QUOTING_H

#include "text.h"

/* True for a string of whole UTF-8 characters (RFC 3629: no surrogates, none beyond 10ffff). */
bool is_utf8(const char *string);

/* The bytes at its beginning that are whole UTF-8 characters. */
size_t utf8_length(const char *string);

/*
 * Appends a text for people. Of it no terminal does anything but show it: what is not UTF-8 and
 * what controls a terminal becomes \xNN, byte by byte; tabs and line feeds stay.
 */
void text_put_visible(struct text *text, const char *string);

/*
 * The value of an option of oslo.config's INI files (oslo_config/iniparser.py, cfg.py): the rest
 * of one line, from which blanks and a pair of quotes at the ends are taken, with $ for another
 * option's value. -EINVAL: bytes that are not UTF-8, control characters, a backslash right before
 * a $ (which is itself the escape of $ there), blanks or quotes that would be taken away.
 */
int quote_ini(struct text *text, const char *string) MUST_CHECK;

/* A JSON string (RFC 8259). -EINVAL: not UTF-8. */
int quote_json(struct text *text, const char *string) MUST_CHECK;

/* A YAML double-quoted scalar on one line (YAML 1.1 and 1.2, 5.7 and 7.3.1). -EINVAL: not UTF-8. */
int quote_yaml(struct text *text, const char *string) MUST_CHECK;

/* A TOML basic string (TOML 1.0). -EINVAL: not UTF-8. */
int quote_toml(struct text *text, const char *string) MUST_CHECK;

/*
 * Character data of an XML 1.0 element, or an attribute's value without its quotes. -EINVAL: not
 * UTF-8, or a character that XML does not have (controls but tab, line feed, carriage return).
 */
int quote_xml_text(struct text *text, const char *string) MUST_CHECK;
int quote_xml_attribute(struct text *text, const char *string) MUST_CHECK;

/* One word of a POSIX shell, always in single quotes. Every string can be said. */
void quote_shell(struct text *text, const char *string);

/*
 * A comment of whole lines, each beginning with `prefix` ("# ", "    // ") and at most 95 columns
 * long where its words allow. What is no printable character becomes "?", so that a comment has no
 * other lines than its own. An empty string is a line with the prefix alone, without its blanks at
 * the end.
 */
void text_add_comment(struct text *text, const char *prefix, const char *string);

/* The same, formatted. */
void text_add_comment_f(struct text *text, const char *prefix, const char *format, ...)
	PRINTF_LIKE(3, 4);

#endif
