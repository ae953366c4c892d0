#include "sim/nvml-part.h"

#include <pthread.h>
#include <stdlib.h>

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

void *object_new(struct session *session, enum object_kind kind, size_t size)
{
	struct object *object = calloc(1, size);

	if (!object)
		return NULL;
	object->kind = kind;
	object->users = 1;
	pthread_mutex_lock(&lock);
	object->next = session->objects;
	session->objects = object;
	pthread_mutex_unlock(&lock);
	return object;
}

/* Where the list points to it; what that points to is NULL when it is not there. */
static struct object **find(struct session *session, enum object_kind kind, const void *handle)
{
	struct object **at = &session->objects;

	while (*at && (*at != handle || (*at)->kind != kind))
		at = &(*at)->next;
	return at;
}

void *object_get(struct session *session, enum object_kind kind, const void *handle)
{
	struct object *object;

	pthread_mutex_lock(&lock);
	object = *find(session, kind, handle);
	if (object)
		object->users++;
	pthread_mutex_unlock(&lock);
	return object;
}

void object_put(struct object *object)
{
	bool last;

	pthread_mutex_lock(&lock);
	last = !--object->users;
	pthread_mutex_unlock(&lock);
	if (last)
		free(object);
}

nvmlReturn_t object_drop(struct session *session, enum object_kind kind, const void *handle)
{
	struct object **at, *object;

	pthread_mutex_lock(&lock);
	at = find(session, kind, handle);
	object = *at;
	if (object)
		*at = object->next;
	pthread_mutex_unlock(&lock);
	if (!object)
		return NVML_ERROR_INVALID_ARGUMENT;
	object_put(object);
	return NVML_SUCCESS;
}

void objects_free(struct session *session)
{
	while (session->objects) {
		struct object *object = session->objects;

		session->objects = object->next;
		free(object);
	}
}
