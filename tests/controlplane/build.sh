#!/usr/bin/env bash
# etcd, kube-apiserver and kubectl, built from Go modules, and the CRDs of Gateway API, into the cache folder where
# tests/controlplane_server.py looks for them. What is there at the versions of the two go.mod files stays as it is.
# With KUBEBUILDER_ASSETS set, the binaries there are the ones that count, and none is built.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
home=${SWITCHOVER_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}}/switchover/control-plane
export CGO_ENABLED=0 GOWORK=off GOFLAGS="-mod=readonly -buildvcs=false"

# With this script in it, so that a change of flags builds anew.
stamp_of() { cat "$1/go.mod" "$1/go.sum" "$here/build.sh" | cksum; }
is_there() { [ "$(cat "$home/$1/.stamp" 2>/dev/null)" = "$(stamp_of "$2")" ]; }
# A build that breaks off leaves the folder of the last whole one.
put_in_place() { stamp_of "$2" >"$home/$1.new/.stamp" && rm -rf "${home:?}/$1" && mv "$home/$1.new" "$home/$1"; }
need_go() {
    command -v go >/dev/null && return
    echo "Go 1.26 or newer is needed to $1" >&2
    exit 1
}

binaries() {
    need_go "build etcd, kube-apiserver and kubectl, once; or set KUBEBUILDER_ASSETS to a folder that has them"
    cd "$here"
    local version
    version=$(go list -m -f '{{.Version}}' k8s.io/kubernetes)
    echo "building kube-apiserver and kubectl $version, and etcd: takes minutes"
    rm -rf "$home/bin.new" && mkdir -p "$home/bin.new"
    nice go build -trimpath -ldflags "-s -w -X k8s.io/component-base/version.gitVersion=$version" -o "$home/bin.new/" \
        k8s.io/kubernetes/cmd/kube-apiserver k8s.io/kubernetes/cmd/kubectl go.etcd.io/etcd/server/v3
    mv "$home/bin.new/server" "$home/bin.new/etcd"
    put_in_place bin "$here"
}

crds() {
    need_go "fetch the CRDs of Gateway API, once"
    cd "$here/gateway-api"
    go mod download sigs.k8s.io/gateway-api
    rm -rf "$home/crds.new" && mkdir -p "$home/crds.new"
    # The file vap_safeupgrades is a policy for upgrades, no CRD.
    find "$(go list -m -f '{{.Dir}}' sigs.k8s.io/gateway-api)/config/crd/standard" -name '*.yaml' \
        ! -name '*_vap_*' -exec cp {} "$home/crds.new/" \;
    chmod -R u+w "$home/crds.new"
    put_in_place crds "$here/gateway-api"
}

is_there crds "$here/gateway-api" || (crds)
echo "CRDs of Gateway API: $home/crds"
if [ -z "${KUBEBUILDER_ASSETS:-}" ]; then
    is_there bin "$here" || (binaries)
fi
echo "binaries: ${KUBEBUILDER_ASSETS:-$home/bin}"
