{{- define "switchover.operator" -}}
{{ .Values.fullnameOverride }}-operator
{{- end }}

{{- define "switchover.dataplane" -}}
{{ .Values.fullnameOverride }}-dataplane
{{- end }}

{{- define "switchover.pushSecret" -}}
{{ .Values.fullnameOverride }}-push
{{- end }}

{{- define "switchover.lastGoodSecret" -}}
{{ .Values.fullnameOverride }}-last-good
{{- end }}

{{- /* Names of cluster-wide objects and of objects in other namespaces; two installations must have different ones. */}}
{{- define "switchover.clusterwide" -}}
{{ include "switchover.operator" . }}-{{ .Release.Namespace }}
{{- end }}

{{- define "switchover.image" -}}
{{ .Values.image.repository }}:{{ .Values.image.tag | default .Chart.AppVersion }}
{{- end }}

{{- /* Labels that select pods. They never change, as selectors cannot be changed. */}}
{{- define "switchover.selector" -}}
app.kubernetes.io/name: {{ .Chart.Name }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{- define "switchover.operatorSelector" -}}
{{ include "switchover.selector" . }}
app.kubernetes.io/component: operator
{{- end }}

{{- define "switchover.dataplaneSelector" -}}
{{ include "switchover.selector" . }}
app.kubernetes.io/component: dataplane
{{- end }}

{{- define "switchover.origin" -}}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ .Chart.Name }}-{{ .Chart.Version }}
{{- end }}

{{- define "switchover.labels" -}}
{{ include "switchover.selector" . }}
{{ include "switchover.origin" . }}
{{- end }}

{{- define "switchover.operatorLabels" -}}
{{ include "switchover.operatorSelector" . }}
{{ include "switchover.origin" . }}
{{- end }}

{{- define "switchover.dataplaneLabels" -}}
{{ include "switchover.dataplaneSelector" . }}
{{ include "switchover.origin" . }}
{{- end }}

{{- /* The namespaces that are read, with that of the release, sorted; empty for all. */}}
{{- define "switchover.namespaces" -}}
{{- if .Values.watchNamespaces }}
{{- append .Values.watchNamespaces .Release.Namespace | uniq | sortAlpha | join " " }}
{{- end }}
{{- end }}

{{- /* "1" if there is exactly one data plane. */}}
{{- define "switchover.fewestDataplanes" -}}
{{ ternary .Values.dataplane.autoscaling.minReplicas .Values.dataplane.replicas .Values.dataplane.autoscaling.enabled | int }}
{{- end }}
