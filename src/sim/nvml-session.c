#include "sim/nvml-part.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/array.h"

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct session *current;
static unsigned inits;

static void session_free(struct session *session)
{
	objects_free(session);
	handles_free(session->handles);
	world_close(session->world);
	free(session);
}

static nvmlReturn_t open_code(enum err_code code)
{
	switch (code) {
	case ERR_DENIED:
		return NVML_ERROR_NO_PERMISSION;
	case ERR_INVALID:
		return NVML_ERROR_LIB_RM_VERSION_MISMATCH;
	default:
		return NVML_ERROR_DRIVER_NOT_LOADED;
	}
}

static nvmlReturn_t session_new(struct session **ret)
{
	struct session *session = calloc(1, sizeof(*session));
	struct err err = ERR_INIT;
	nvmlReturn_t code = NVML_ERROR_MEMORY;

	if (!session)
		return code;
	session->users = 1;
	session->handles = handles_new();
	if (session->handles)
		code = world_open(NULL, &session->world, &err) ? open_code(err.code) : NVML_SUCCESS;
	if (code) {
		handles_free(session->handles);
		free(session);
		return code;
	}
	*ret = session;
	return NVML_SUCCESS;
}

struct session *session_get(void)
{
	struct session *session;

	pthread_mutex_lock(&lock);
	session = current;
	if (session)
		session->users++;
	pthread_mutex_unlock(&lock);
	return session;
}

void session_put(struct session *session)
{
	bool last;

	pthread_mutex_lock(&lock);
	last = !--session->users;
	pthread_mutex_unlock(&lock);
	if (last)
		session_free(session);
}

/* One init more; the session is ours when nobody else's became current meanwhile. */
static void session_enter(struct session *session)
{
	pthread_mutex_lock(&lock);
	if (!current) {
		current = session;
		session->users++;
	}
	inits++;
	pthread_mutex_unlock(&lock);
}

static nvmlReturn_t init(const char *name)
{
	struct session *session = session_get();
	nvmlReturn_t code = session ? NVML_SUCCESS : session_new(&session);
	struct call call;

	if (code)
		return code;
	if (call_begin_in(&call, name, session))
		session_enter(session);
	else
		code = call.code;
	return call_end(&call, code);
}

nvmlReturn_t nvmlInit(void)
{
	return init("nvmlInit");
}

nvmlReturn_t nvmlInit_v2(void)
{
	return init("nvmlInit_v2");
}

nvmlReturn_t nvmlInitWithFlags(unsigned flags)
{
	(void)flags; /* about attaching to GPUs, which costs nothing here */
	return init("nvmlInitWithFlags");
}

/* Succeeds also when nothing is initialised; measured on the real library. */
nvmlReturn_t nvmlShutdown(void)
{
	struct session *ended = NULL;

	pthread_mutex_lock(&lock);
	if (inits && !--inits) {
		ended = current;
		current = NULL;
	}
	pthread_mutex_unlock(&lock);
	if (ended)
		session_put(ended);
	return NVML_SUCCESS;
}

const char *nvmlErrorString(nvmlReturn_t code)
{
	static const struct {
		nvmlReturn_t code;
		const char *text;
	} texts[] = {
#define X(name, number, text) {NVML_##name, text},
		NVML_RETURN_TABLE(X)
#undef X
	};

	for (size_t i = 0; i < ARRAY_SIZE(texts); i++)
		if (texts[i].code == code)
			return texts[i].text;
	return "Unknown Error";
}

/* The library knows its version without a driver; here that is the world's. */
nvmlReturn_t nvmlSystemGetNVMLVersion(char *version, unsigned length)
{
	struct session *session = session_get();
	char driver[NVML_VERSION_SIZE - 8] = WORLD_DRIVER, text[NVML_VERSION_SIZE];
	struct world *world = NULL;
	struct err err = ERR_INIT;

	if (session || !world_open(NULL, &world, &err)) {
		struct world *open = session ? session->world : world;

		snprintf(driver, sizeof(driver), "%s", world_read(open)->driver);
		world_done(open);
	}
	world_close(world);
	if (session)
		session_put(session);
	snprintf(text, sizeof(text), "%u.%s", driver_cuda(driver) / 1000, driver);
	return give_text(version, length, text);
}

/* What lies behind is not public; the clients that need it are not served. */
nvmlReturn_t nvmlInternalGetExportTable(const void **table, const void *id)
{
	(void)table;
	(void)id;
	return NVML_ERROR_NOT_FOUND;
}
