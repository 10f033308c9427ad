//! Phase: the backend's answer becomes the client's. HTTP APIs pass it on but for what belongs to
//! the connection to the backend.

use serve::Response;

use crate::rest::WANTS_MARKS;

/// Makes the client's answer.
pub(crate) fn map(mut response: Response) -> Response {
    serve::strip_hop_by_hop(response.headers_mut());
    // What POPs take as said by the region is not for backends to say.
    response.headers_mut().remove(WANTS_MARKS);
    response
}
