#include "check/conf.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/text.h"

/* A line, or a word of one; not terminated. */
struct span {
	const char *s;
	size_t len;
};

static struct span trim(struct span span)
{
	while (span.len && isspace((unsigned char)*span.s))
		span = (struct span){span.s + 1, span.len - 1};
	while (span.len && isspace((unsigned char)span.s[span.len - 1]))
		span.len--;
	return span;
}

static bool next_line(const char **at, struct span *ret)
{
	size_t len = strcspn(*at, "\n");

	if (!**at)
		return false;
	*ret = (struct span){*at, len};
	*at += len + ((*at)[len] == '\n');
	return true;
}

static bool same(struct span span, const char *word, size_t len)
{
	return span.len == len && !memcmp(span.s, word, len);
}

static void keep(struct span span, char *buf, size_t size)
{
	char raw[512];

	snprintf(raw, sizeof(raw), "%.*s",
		 (int)(span.len < sizeof(raw) ? span.len : sizeof(raw) - 1), span.s);
	text_printable(buf, size, raw);
}

/* A value without its quotes, or up to a comment. */
static struct span unquote(struct span span)
{
	const char *end;

	span = trim(span);
	if (span.len && (*span.s == '"' || *span.s == '\'')) {
		end = memchr(span.s + 1, *span.s, span.len - 1);
		if (end)
			return (struct span){span.s + 1, (size_t)(end - span.s) - 1};
	}
	end = memchr(span.s, '#', span.len);
	return end ? trim((struct span){span.s, (size_t)(end - span.s)}) : span;
}

static bool split(struct span line, struct span *ret_key, struct span *ret_value)
{
	const char *equals = memchr(line.s, '=', line.len);

	if (!equals)
		return false;
	*ret_key = trim((struct span){line.s, (size_t)(equals - line.s)});
	*ret_value = (struct span){equals + 1, line.len - (size_t)(equals - line.s) - 1};
	if (ret_key->len > 1 && *ret_key->s == '"' && ret_key->s[ret_key->len - 1] == '"')
		*ret_key = (struct span){ret_key->s + 1, ret_key->len - 2};
	return true;
}

bool conf_toml(const char *text, const char *key, char *buf, size_t size)
{
	const char *dot = strrchr(key, '.'), *name = dot ? dot + 1 : key;
	bool top = true, inside = false, found = false;
	struct span line, word, value;

	while (next_line(&text, &line)) {
		line = trim(line);
		if (line.len && *line.s == '[') {
			const char *end = memchr(line.s, ']', line.len);

			word = trim((struct span){line.s + 1,
						  end ? (size_t)(end - line.s) - 1 : line.len - 1});
			inside = dot && same(word, key, (size_t)(dot - key));
			top = false;
			continue;
		}
		if (!line.len || *line.s == '#' || !split(line, &word, &value))
			continue;
		/* "table.key = value" before the first table says the same. */
		if ((top && same(word, key, strlen(key))) ||
		    (inside && same(word, name, strlen(name)))) {
			keep(unquote(value), buf, size);
			found = true;
		}
	}
	return found;
}

bool conf_assignment(const char *text, const char *key, char *buf, size_t size)
{
	struct span line, word, value;
	bool found = false;

	while (next_line(&text, &line)) {
		line = trim(line);
		if (line.len > 7 && !memcmp(line.s, "export ", 7))
			line = trim((struct span){line.s + 7, line.len - 7});
		if (!line.len || *line.s == '#' || !split(line, &word, &value) ||
		    !same(word, key, strlen(key)))
			continue;
		keep(unquote(value), buf, size);
		found = true;
	}
	return found;
}

bool conf_has_profile(const char *s)
{
	for (const char *g = s; (g = strchr(g, 'g')); g++) {
		size_t digits;

		if (g == s || !isdigit((unsigned char)g[-1]) || g[1] != '.')
			continue;
		digits = strspn(g + 2, "0123456789");
		if (digits && !strncmp(g + 2 + digits, "gb", 2))
			return true;
	}
	return false;
}

/* ---- Slurm ---- */

struct slurm_search {
	struct slurm_line *found;
	size_t n, max;
};

static void slurm_add(struct slurm_search *search, enum slurm_kind kind, unsigned line,
		      struct span word)
{
	if (search->n < search->max) {
		struct slurm_line *row = &search->found[search->n];

		*row = (struct slurm_line){.kind = kind, .line = line};
		keep(word, row->word, sizeof(row->word));
	}
	search->n++;
}

static bool key_is(const char *word, const char *key)
{
	size_t len = strlen(key);

	return !strncasecmp(word, key, len) && word[len] == '=';
}

static void slurm_word(struct slurm_search *search, const char *word, unsigned line)
{
	struct span span = {word, strlen(word)};

	if ((key_is(word, "Type") || key_is(word, "Gres")) && conf_has_profile(word))
		slurm_add(search, SLURM_TYPE, line, span);
	else if (key_is(word, "AccountingStorageTRES") && conf_has_profile(word))
		slurm_add(search, SLURM_TYPE, line, span);
	else if ((key_is(word, "File") || key_is(word, "MultipleFiles")) &&
		 strstr(word, "nvidia-cap"))
		slurm_add(search, SLURM_CAP, line, span);
	else if (key_is(word, "AutoDetect") && !strncasecmp(word + 11, "nvml", 4))
		slurm_add(search, SLURM_AUTODETECT, line, span);
}

/* One line after joining, as words between blanks. */
static void slurm_words(struct slurm_search *search, struct span line, unsigned number)
{
	while (line.len) {
		char word[1024];
		size_t len = 0;

		while (line.len && isspace((unsigned char)*line.s))
			line = (struct span){line.s + 1, line.len - 1};
		while (len < line.len && !isspace((unsigned char)line.s[len]))
			len++;
		if (len && *line.s == '#')
			return;
		if (len && len < sizeof(word)) {
			memcpy(word, line.s, len);
			word[len] = '\0';
			slurm_word(search, word, number);
		}
		line = (struct span){line.s + len, line.len - len};
	}
}

size_t conf_slurm(const char *text, struct slurm_line *ret, size_t max)
{
	struct slurm_search search = {.found = ret, .max = max};
	unsigned number = 0, begin = 0;
	struct span line;
	bool goes_on = false;

	while (next_line(&text, &line)) {
		number++;
		if (!goes_on)
			begin = number;
		line = trim(line);
		goes_on = line.len && line.s[line.len - 1] == '\\';
		if (goes_on)
			line.len--;
		slurm_words(&search, line, begin);
	}
	return search.n;
}

/* ---- packages ---- */

static bool field(struct span line, const char *name, struct span *ret)
{
	size_t len = strlen(name);

	if (line.len <= len || memcmp(line.s, name, len) != 0 || line.s[len] != ':')
		return false;
	*ret = trim((struct span){line.s + len + 1, line.len - len - 1});
	return true;
}

bool conf_dpkg_version(const char *text, const char *package, char *buf, size_t size)
{
	struct span line, value, version = {"", 0};
	bool ours = false, installed = false;

	for (;;) {
		bool more = next_line(&text, &line);

		if (!more || !line.len) { /* the end of a package */
			if (ours && installed && version.len) {
				keep(version, buf, size);
				return true;
			}
			if (!more)
				return false;
			ours = installed = false;
			version.len = 0;
		} else if (field(line, "Package", &value)) {
			ours = same(value, package, strlen(package));
		} else if (field(line, "Status", &value)) {
			installed = value.len > 10 &&
				    !memcmp(value.s + value.len - 10, " installed", 10);
		} else if (field(line, "Version", &value)) {
			version = value;
		}
	}
}

/* ---- names and numbers ---- */

bool conf_next_mig(const char **at, char *ret)
{
	static const char shape[] = "MIG-xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx";

	for (const char *s = *at; (s = strstr(s, "MIG-")); s++) {
		size_t i = 4;

		while (shape[i] && (shape[i] == 'x' ? isxdigit((unsigned char)s[i]) : s[i] == '-'))
			i++;
		if (shape[i])
			continue;
		memcpy(ret, s, i);
		ret[i] = '\0';
		*at = s + i;
		return true;
	}
	return false;
}

static unsigned long next_number(const char **at)
{
	unsigned long number = 0;

	while (**at && !isdigit((unsigned char)**at))
		(*at)++;
	for (; isdigit((unsigned char)**at); (*at)++)
		if (number < 1000000000ul)
			number = number * 10 + (unsigned long)(**at - '0');
	return number;
}

int conf_version_compare(const char *a, const char *b)
{
	while (*a || *b) {
		unsigned long x = next_number(&a), y = next_number(&b);

		if (x != y)
			return x < y ? -1 : 1;
	}
	return 0;
}
