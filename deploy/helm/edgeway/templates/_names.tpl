{{/* Names, labels, and what does not fit together. */}}

{{- define "edgeway.name" -}}
{{- .Release.Name | trunc 52 | trimSuffix "-" -}}
{{- end -}}

{{- define "edgeway.selector" -}}
app.kubernetes.io/name: edgeway
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end -}}

{{- define "edgeway.labels" -}}
{{ include "edgeway.selector" . }}
app.kubernetes.io/component: {{ .Values.role }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version }}
{{- if .Values.place }}
edgeway/place: {{ .Values.place }}
{{- end }}
{{- end -}}

{{- define "edgeway.tokenSecret" -}}
{{- if .Values.joinToken.existingSecret -}}
{{ .Values.joinToken.existingSecret }}
{{- else if .Values.joinToken.value -}}
{{ include "edgeway.name" . }}-join
{{- end -}}
{{- end -}}

{{- define "edgeway.check" -}}
{{- if and (ne .Values.role "dns") (not .Values.place) -}}
{{- fail "place: a region or POP needs its name" -}}
{{- end -}}
{{- if .Values.bootstrap.enabled -}}
{{- if ne .Values.role "region" -}}
{{- fail "bootstrap: the first node is a region's" -}}
{{- end -}}
{{- if ne (int .Values.replicas) 1 -}}
{{- fail "bootstrap: with one replica; scale up afterwards, with bootstrap.enabled=false and a join token" -}}
{{- end -}}
{{- if or (not .Values.bootstrap.existingSecret) (not .Values.bootstrap.baseDomain) -}}
{{- fail "bootstrap: existingSecret and baseDomain are needed" -}}
{{- end -}}
{{- end -}}
{{- if and (eq .Values.link.mode "addresses") (ne (len .Values.link.addresses) (int .Values.replicas)) -}}
{{- fail "link.addresses: one a replica" -}}
{{- end -}}
{{- if and .Values.joinToken.value .Values.joinToken.existingSecret -}}
{{- fail "joinToken: value or existingSecret, not both" -}}
{{- end -}}
{{- with .Values.joinPolicy -}}
{{- if and .name (or (not .caSha256) (not .regions) (not .audience)) -}}
{{- fail "joinPolicy: caSha256, regions and audience are needed" -}}
{{- end -}}
{{- if and .name (include "edgeway.tokenSecret" $) -}}
{{- fail "joinPolicy or joinToken, not both" -}}
{{- end -}}
{{- end -}}
{{- if and .Values.clients.proxyProtocolTrusted .Values.clients.h3 -}}
{{- fail "clients: PROXY headers are for TCP; set h3 to false" -}}
{{- end -}}
{{- end -}}
