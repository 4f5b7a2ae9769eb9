//! A text as the picture of a QR code: how a seed gets into an authenticator application.

use qrcode::types::QrError;
use qrcode::{Color, EcLevel, QrCode};

/// The width of one module, in pixels.
const MODULE: usize = 4;
/// The quiet zone around the code, in modules (ISO/IEC 18004 asks for four).
const QUIET: usize = 4;

/// Why there is no picture.
#[derive(Debug, thiserror::Error)]
pub enum NoPicture {
    /// The text does not fit into a code.
    #[error("the text does not fit into a QR code")]
    Code(#[from] QrError),
    /// The picture could not be written.
    #[error("the picture was not written")]
    Png(#[from] png::EncodingError),
}

/// The text as a QR code in a PNG picture, black on white.
///
/// # Errors
/// When the text is longer than a code can hold (some 2,300 bytes).
pub fn png(text: &str) -> Result<Vec<u8>, NoPicture> {
    let code = QrCode::with_error_correction_level(text, EcLevel::M)?;
    let width = code.width();
    let side = (width + 2 * QUIET) * MODULE;
    let is_dark = |x: usize, y: usize| {
        let module = |at: usize| (at / MODULE).checked_sub(QUIET).filter(|at| *at < width);
        match (module(x), module(y)) {
            (Some(x), Some(y)) => code[(x, y)] == Color::Dark,
            _ => false,
        }
    };
    let places = (0..side).flat_map(|y| (0..side).map(move |x| (x, y)));
    let pixels: Vec<u8> = places.map(|(x, y)| if is_dark(x, y) { 0 } else { 0xff }).collect();
    let mut picture = Vec::new();
    let side = u32::try_from(side).unwrap_or_default();
    let mut encoder = png::Encoder::new(&mut picture, side, side);
    encoder.set_color(png::ColorType::Grayscale);
    encoder.set_depth(png::BitDepth::Eight);
    encoder.write_header()?.write_image_data(&pixels)?;
    Ok(picture)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_picture_has_the_code_and_its_quiet_zone() {
        let picture = png("otpauth://totp/alice@111122223333?secret=MFRGG").unwrap();
        let mut reader = png::Decoder::new(std::io::Cursor::new(&picture)).read_info().unwrap();
        let mut pixels = vec![0; reader.output_buffer_size().unwrap()];
        let info = reader.next_frame(&mut pixels).unwrap();
        assert_eq!(info.width, info.height);
        let at = |x: usize, y: usize| pixels[y * info.width as usize + x];
        // White around, and the dark corner of the finder pattern where the code begins.
        assert_eq!((at(0, 0), at(QUIET * MODULE - 1, QUIET * MODULE)), (255, 255));
        assert_eq!(at(QUIET * MODULE, QUIET * MODULE), 0);
    }

    #[test]
    fn a_text_that_is_too_long_is_refused() {
        assert!(png(&"x".repeat(10_000)).is_err());
    }
}
