//! What came back.

use quick_xml::Reader;
use quick_xml::events::Event;

/// An answer of the server.
#[derive(Debug, Clone)]
pub struct Answer {
    /// The HTTP status.
    pub status: u16,
    /// The body.
    pub body: String,
}

impl Answer {
    /// The error's code; empty when the request succeeded.
    pub fn code(&self) -> String {
        self.text("Code")
    }

    /// The error's message.
    pub fn message(&self) -> String {
        self.text("Message")
    }

    /// The text of the first element of this name; empty when there is none.
    pub fn text(&self, element: &str) -> String {
        self.texts(element).into_iter().next().unwrap_or_default()
    }

    /// The texts of all elements of this name, in order.
    pub fn texts(&self, element: &str) -> Vec<String> {
        let mut reader = Reader::from_str(&self.body);
        let mut texts = vec![];
        let mut inside = None;
        loop {
            match reader.read_event().unwrap() {
                Event::Start(start) if start.name().as_ref() == element => {
                    inside = Some(String::new());
                }
                Event::Text(text) => {
                    if let Some(inside) = &mut inside {
                        inside.push_str(&text);
                    }
                }
                Event::GeneralRef(entity) => {
                    if let Some(inside) = &mut inside {
                        inside.push_str(match &*entity {
                            "lt" => "<",
                            "gt" => ">",
                            "amp" => "&",
                            "quot" => "\"",
                            "apos" => "'",
                            _ => "?",
                        });
                    }
                }
                Event::End(end) if end.name().as_ref() == element => {
                    texts.extend(inside.take());
                }
                Event::Eof => return texts,
                _ => {}
            }
        }
    }

    /// Whether an element of this name is there.
    pub fn has(&self, element: &str) -> bool {
        self.body.contains(&format!("<{element}>")) || self.body.contains(&format!("<{element}/>"))
    }

    /// The answer, which must be a success.
    #[track_caller]
    pub fn ok(self) -> Self {
        assert_eq!(self.status, 200, "{}", self.body);
        self
    }

    /// Checks that the request was refused with this code.
    #[track_caller]
    pub fn refused(self, code: &str) -> Self {
        assert_eq!(self.code(), code, "{}", self.body);
        self
    }
}
