/*
 * api-routes.h - everything that can be asked of the daemon, in one table
 *
 * In a path '#' stands for a number and '*' for one word (api_wish.id, .name).
 * ADMIN routes are refused to others before the handler is called.
 */
#pragma once

/* route, method, path, handler, who may ask */
#define API_ROUTES(X)                                                   \
	X(STATUS, "GET", "/v1/status", api_get_status, ANYBODY)         \
	X(GPUS, "GET", "/v1/gpus", api_get_gpus, ANYBODY)               \
	X(CLASSES, "GET", "/v1/classes", api_get_classes, ANYBODY)      \
	X(LEASES, "GET", "/v1/leases", api_get_leases, ANYBODY)         \
	X(LEASE, "GET", "/v1/leases/#", api_get_lease, ANYBODY)         \
	X(REQUEST, "POST", "/v1/leases", api_post_lease, ANYBODY)       \
	X(RELEASE, "DELETE", "/v1/leases/#", api_delete_lease, ANYBODY) \
	X(RENEW, "POST", "/v1/leases/#/renew", api_post_renew, ANYBODY) \
	X(POLICY_DIFF, "POST", "/v1/policy/diff", api_post_policy_diff, ADMIN) \
	X(RESERVATIONS, "GET", "/v1/reservations", api_get_reservations, ANYBODY) \
	X(RESERVE, "POST", "/v1/reservations", api_post_reservation, ADMIN) \
	X(UNRESERVE, "DELETE", "/v1/reservations/#", api_delete_reservation, ADMIN) \
	X(APPROVE, "POST", "/v1/leases/#/approve", api_post_approve, ANYBODY) \
	X(DENY, "POST", "/v1/leases/#/deny", api_post_deny, ANYBODY)    \
	X(ATTACH, "POST", "/v1/leases/#/attach", api_post_attach, ANYBODY) \
	X(CDI, "POST", "/v1/leases/#/cdi", api_post_cdi, ANYBODY)       \
	X(EVENTS, "GET", "/v1/events", api_get_events, ANYBODY)         \
	X(AUDIT, "GET", "/v1/audit", api_get_audit, ANYBODY)            \
	X(AUDIT_HEAD, "GET", "/v1/audit/head", api_get_audit_head, ANYBODY) \
	X(USAGE, "GET", "/v1/usage", api_get_usage, ANYBODY)            \
	X(RELOAD, "POST", "/v1/policy/reload", api_post_reload, ADMIN)  \
	X(DRAINS, "GET", "/v1/drains", api_get_drains, ANYBODY)         \
	X(DRAIN, "POST", "/v1/drains", api_post_drain, ADMIN)           \
	X(UNDRAIN, "DELETE", "/v1/drains/#", api_delete_drain, ADMIN)  \
	X(APPLY, "POST", "/v1/layout", api_post_layout, ADMIN)          \
	X(CHANGES, "GET", "/v1/changes", api_get_changes, ADMIN)        \
	X(CHANGE, "GET", "/v1/changes/#", api_get_change, ADMIN)        \
	X(CANCEL, "DELETE", "/v1/changes/#", api_delete_change, ADMIN)  \
	X(MOVE, "POST", "/v1/changes/#", api_post_change, ADMIN)        \
	X(LAYOUTS, "GET", "/v1/layouts", api_get_layouts, ADMIN)        \
	X(SAVE, "POST", "/v1/layouts/*", api_post_saved, ADMIN)         \
	X(FORGET, "DELETE", "/v1/layouts/*", api_delete_saved, ADMIN)
