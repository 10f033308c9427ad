# Varnish as a peer: everything that may be cached is.
# @WORDS@ are filled in by benches/src/peers.rs.
vcl 4.1;

backend origin {
  .host = "@HOST@";
  .port = "@PORT@";
}

sub vcl_deliver {
  if (obj.hits > 0) {
    set resp.http.x-cache = "hit";
  }
}
