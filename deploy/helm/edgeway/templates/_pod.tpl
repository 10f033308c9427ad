{{/* Parts that containers share. */}}

{{- define "edgeway.image" -}}
{{ .Values.image.repository }}:{{ .Values.image.tag | default .Chart.AppVersion }}
{{- end -}}

{{- define "edgeway.addresses" -}}
- name: OWN
  valueFrom:
    fieldRef: { fieldPath: {{ if eq .Values.link.mode "host" }}status.hostIP{{ else }}status.podIP{{ end }} }
- name: POD_IP
  valueFrom:
    fieldRef: { fieldPath: status.podIP }
- name: POD
  valueFrom:
    fieldRef: { fieldPath: metadata.name }
{{- end -}}

{{- define "edgeway.security" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
capabilities:
  drop: [ALL]
{{- end -}}
