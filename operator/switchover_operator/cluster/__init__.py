"""The operator in a cluster: kopf brings the objects, data planes stand behind a Service, results go to statuses.

In reading order: command, operate; kopf_watcher, handlers, resync (objects in); dataplanes, push_channel, authority
(tables out); gateway_services, service_writer; status_merge, status_forwarding, status_writer; object_events,
event_writer; last_good, leader, probes; api, background, owned_secret.
"""
