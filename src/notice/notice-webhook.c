/*
 * A signed POST. libcurl brings some 6 MiB of other libraries into memory, so it is loaded when the
 * first notice goes this way, and never where no policy has a webhook.
 */
#include <curl/curl.h>
#include <dlfcn.h>
#include <inttypes.h>
#include <nettle/base16.h>
#include <nettle/hmac.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include "base/array.h"
#include "base/cleanup.h"
#include "base/file.h"
#include "base/text.h"
#include "notice/notice-send.h"

#define CONNECT_S  10
#define MAX_SECRET 4096

static struct {
	CURLcode (*global_init)(long flags);
	CURL *(*easy_init)(void);
	CURLcode (*easy_setopt)(CURL *curl, CURLoption option, ...);
	CURLcode (*easy_perform)(CURL *curl);
	CURLcode (*easy_getinfo)(CURL *curl, CURLINFO info, ...);
	void (*easy_cleanup)(CURL *curl);
	struct curl_slist *(*slist_append)(struct curl_slist *list, const char *text);
	void (*slist_free_all)(struct curl_slist *list);
	const char *(*easy_strerror)(CURLcode code);
	bool loaded;
} api;

#undef curl_easy_setopt
#undef curl_easy_getinfo

static void load(void)
{
	static const char *const libraries[] = {"libcurl-gnutls.so.4", "libcurl.so.4"};
	static const struct {
		const char *name;
		void *at;
	} symbols[] = {
		{"curl_global_init", &api.global_init},	  {"curl_easy_init", &api.easy_init},
		{"curl_easy_setopt", &api.easy_setopt},	  {"curl_easy_perform", &api.easy_perform},
		{"curl_easy_getinfo", &api.easy_getinfo}, {"curl_easy_cleanup", &api.easy_cleanup},
		{"curl_slist_append", &api.slist_append},
		{"curl_slist_free_all", &api.slist_free_all},
		{"curl_easy_strerror", &api.easy_strerror},
	};
	void *library = NULL;

	for (size_t i = 0; !library && i < ARRAY_SIZE(libraries); i++)
		library = dlopen(libraries[i], RTLD_NOW | RTLD_LOCAL);
	for (size_t i = 0; library && i < ARRAY_SIZE(symbols); i++) {
		void *symbol = dlsym(library, symbols[i].name);

		if (!symbol)
			return;
		memcpy(symbols[i].at, &symbol, sizeof(symbol));
	}
	api.loaded = library && api.global_init(CURL_GLOBAL_DEFAULT) == CURLE_OK;
}

static int read_secret(const char *path, char **ret, size_t *ret_len, struct err *err)
{
	int r = file_read(path, MAX_SECRET, ret, ret_len, err);

	while (!r && *ret_len && strchr("\r\n", (*ret)[*ret_len - 1]))
		--*ret_len;
	if (!r && !*ret_len)
		return fail(err, ERR_INVALID, "'%s' is empty", path);
	return r;
}

/* "X-Carve-Signature: sha256=..." */
static int sign(const struct notice_message *message, char *ret, size_t size, struct err *err)
{
	const char *text = message->notice.text;
	cleanup(free) char *secret = NULL;
	uint8_t digest[SHA256_DIGEST_SIZE];
	char hex[BASE16_ENCODE_LENGTH(SHA256_DIGEST_SIZE) + 1] = "";
	struct hmac_sha256_ctx hmac;
	size_t len;
	int r = read_secret(message->secret, &secret, &len, err);

	if (r)
		return r;
	hmac_sha256_set_key(&hmac, len, (const uint8_t *)secret);
	hmac_sha256_update(&hmac, strlen(text), (const uint8_t *)text);
	hmac_sha256_digest(&hmac, sizeof(digest), digest);
	base16_encode_update(hex, sizeof(digest), digest);
	snprintf(ret, size, "X-Carve-Signature: sha256=%s", hex);
	explicit_bzero(secret, len);
	return 0;
}

/* What the other side says beyond its status is of no matter. */
static size_t ignore(char *bytes, size_t size, size_t n, void *arg)
{
	(void)bytes;
	(void)arg;
	return size * n;
}

static int keep_on(void *arg, curl_off_t a, curl_off_t b, curl_off_t c, curl_off_t d)
{
	(void)a, (void)b, (void)c, (void)d;
	return atomic_load((const atomic_bool *)arg);
}

static void set_up(CURL *curl, const struct notice_message *message, struct curl_slist *headers,
		   const atomic_bool *stopping)
{
	api.easy_setopt(curl, CURLOPT_URL, message->url);
	api.easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http,https");
	api.easy_setopt(curl, CURLOPT_POSTFIELDSIZE, (long)strlen(message->notice.text));
	api.easy_setopt(curl, CURLOPT_POSTFIELDS, message->notice.text);
	api.easy_setopt(curl, CURLOPT_HTTPHEADER, headers);
	api.easy_setopt(curl, CURLOPT_USERAGENT, "carve/" CARVE_VERSION);
	api.easy_setopt(curl, CURLOPT_FOLLOWLOCATION, 0L);
	api.easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
	api.easy_setopt(curl, CURLOPT_CONNECTTIMEOUT, (long)CONNECT_S);
	api.easy_setopt(curl, CURLOPT_TIMEOUT, (long)NOTICE_PATIENCE_S);
	api.easy_setopt(curl, CURLOPT_WRITEFUNCTION, ignore);
	api.easy_setopt(curl, CURLOPT_NOPROGRESS, 0L);
	api.easy_setopt(curl, CURLOPT_XFERINFOFUNCTION, keep_on);
	api.easy_setopt(curl, CURLOPT_XFERINFODATA, stopping);
}

static void perform(CURL *curl, struct notice_message *message)
{
	CURLcode code = api.easy_perform(curl);
	long status = 0;

	if (code != CURLE_OK) {
		fail(&message->err, code == CURLE_COULDNT_CONNECT ? ERR_UNAVAILABLE : ERR_IO,
		     "webhook: %s", api.easy_strerror(code));
		return;
	}
	api.easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
	if (status < 200 || status > 299)
		fail(&message->err, ERR_IO, "webhook: it answers %ld", status);
}

void notice_webhook(struct notice_message *message, const atomic_bool *stopping)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;
	struct curl_slist *headers = NULL;
	char signature[128], number[64];
	CURL *curl;

	pthread_once(&once, load);
	if (!api.loaded) {
		fail(&message->err, ERR_UNSUPPORTED, "webhook: there is no libcurl here");
		fail_hint(&message->err, "install libcurl3-gnutls");
		return;
	}
	if (sign(message, signature, sizeof(signature), &message->err))
		return;
	snprintf(number, sizeof(number), "X-Carve-Notice: %" PRId64, message->notice.id);
	headers = api.slist_append(headers, "Content-Type: application/json");
	headers = api.slist_append(headers, signature);
	headers = api.slist_append(headers, number);
	curl = api.easy_init();
	if (curl) {
		set_up(curl, message, headers, stopping);
		perform(curl, message);
		api.easy_cleanup(curl);
	} else {
		fail(&message->err, ERR_NOMEM, "no memory for a webhook");
	}
	api.slist_free_all(headers);
}
