#include "reconcile/steward-part.h"

#include <stdio.h>
#include <string.h>

#include "base/array.h"
#include "base/text.h"

const char *event_kind_name(enum event_kind kind)
{
	static const char *const names[] = {
#define X(code, name, meaning) [EVENT_##code] = name,
		EVENT_KINDS(X)
#undef X
	};

	return (unsigned)kind < EVENT_KIND_COUNT ? names[kind] : "unknown";
}

/* ---- remembering and writing events ---- */

static void note_lease(struct steward_note *note, const struct ledger_lease *lease)
{
	note->lease = lease->id;
	note->has_uid = true;
	note->uid = lease->uid;
	snprintf(note->user, sizeof(note->user), "%s", lease->user);
	snprintf(note->team, sizeof(note->team), "%s", lease->team);
	snprintf(note->class_name, sizeof(note->class_name), "%s", lease->class_name);
}

static void note_instance(struct steward_note *note, const struct ledger_instance *instance)
{
	note->has_place = instance->profile[0] != '\0'; /* else it is about the GPU */
	note->start = instance->start;
	snprintf(note->gpu, sizeof(note->gpu), "%s", instance->gpu);
	snprintf(note->profile, sizeof(note->profile), "%s", instance->profile);
	snprintf(note->mig_uuid, sizeof(note->mig_uuid), "%s", instance->mig_uuid);
}

static struct steward_note *new_note(struct steward *steward, enum event_kind kind, int64_t now_s)
{
	struct steward_note *note;

	/* Events are for people to read later; losing one for want of memory must stop nothing. */
	if (array_reserve(&steward->notes, &steward->cap_notes, steward->n_notes,
			  sizeof(*steward->notes)))
		return NULL;
	note = &steward->notes[steward->n_notes++];
	*note = (struct steward_note){.kind = kind, .time_s = now_s};
	return note;
}

static void note_text(struct steward_note *note, const char *format, va_list args)
{
	char text[LEDGER_REASON];

	vsnprintf(text, sizeof(text), format, args);
	text_printable(note->text, sizeof(note->text), text);
}

void steward_note(struct steward *steward, enum event_kind kind, const struct about *about,
		  int64_t now_s, const char *format, ...)
{
	struct steward_note *note = new_note(steward, kind, now_s);
	va_list args;

	if (!note)
		return;
	if (about->lease)
		note_lease(note, about->lease);
	if (about->instance)
		note_instance(note, about->instance);
	snprintf(note->by, sizeof(note->by), "%s", about->by ? about->by : "");
	snprintf(note->rule, sizeof(note->rule), "%s", about->rule ? about->rule : "");
	va_start(args, format);
	note_text(note, format, args);
	va_end(args);
}

void steward_tell(struct steward *steward, enum event_kind kind, const char *by, int64_t now_s,
		  const char *format, ...)
{
	struct steward_note *note = new_note(steward, kind, now_s);
	va_list args;

	if (!note)
		return;
	snprintf(note->by, sizeof(note->by), "%s", by ? by : "");
	va_start(args, format);
	note_text(note, format, args);
	va_end(args);
	steward_settle(steward);
}

char *steward_where(const struct steward *steward, const struct ledger_instance *instance,
		    char *buf, size_t size)
{
	for (size_t i = 0; i < steward->n_gpus; i++)
		if (!strcmp(steward->gpus[i].info.uuid, instance->gpu)) {
			snprintf(buf, size, "%s at %u on GPU %u", instance->profile,
				 instance->start, steward->gpus[i].info.index);
			return buf;
		}
	snprintf(buf, size, "%s at %u on %s", instance->profile, instance->start, instance->gpu);
	return buf;
}

static const char *given(const char *text)
{
	return text[0] ? text : NULL;
}

static int write_note(const struct steward *steward, const struct steward_note *note, struct err *err)
{
	struct ledger_event event = {
		.time_s = note->time_s,
		.kind = event_kind_name(note->kind),
		.has_uid = note->has_uid,
		.uid = note->uid,
		.user = given(note->user),
		.team = given(note->team),
		.class_name = given(note->class_name),
		.has_lease = note->lease != 0,
		.lease = note->lease,
		.gpu = given(note->gpu),
		.profile = given(note->profile),
		.has_start = note->has_place,
		.start = note->start,
		.mig_uuid = given(note->mig_uuid),
		.by = given(note->by),
		.rule = given(note->rule),
		.text = given(note->text),
	};

	int r = ledger_event_add(steward->ledger, &event, err);

	if (!r && steward->hooks.noted)
		r = steward->hooks.noted(steward->hooks.arg, &event, err);
	return r;
}

int steward_save_notes(struct steward *steward, size_t from, struct err *err)
{
	int r = 0;

	for (size_t i = from; !r && i < steward->n_notes; i++)
		r = write_note(steward, &steward->notes[i], err);
	return r;
}
