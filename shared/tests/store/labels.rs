//! Labels: a key that the same label always gets, and for how long each is kept.

use waybill::aws::Keep;
use waybill::domain::{LabelFormat, LabelImage};
use waybill::ports::Labels;

use crate::database::Objects;
use crate::samples::admitted;

#[tokio::test]
async fn the_same_label_always_gets_the_same_key() {
    let (labels, job) = (Objects::default(), admitted("5012", "admit").job.id);
    let label = LabelImage {
        tracking_number: Some("1Z".to_owned()),
        format: LabelFormat::Zpl,
        bytes: b"^XA^XZ".to_vec(),
    };
    let first = Labels::put(&labels, &job, 0, &label, 90).await.unwrap();
    assert_eq!(first.key, format!("labels/{job}/1Z.zpl"));
    assert_eq!(Labels::put(&labels, &job, 0, &label, 91).await.unwrap(), first);
    assert_eq!(labels.0.lock().unwrap().len(), 1);
    assert_eq!(Labels::get(&labels, &first).await.unwrap(), label.bytes);
    let kept = labels.1.lock().unwrap().get(&first.key).copied();
    assert_eq!(kept, Some(Keep::at_least(180)), "91 days are more than 90");
    labels.0.lock().unwrap().clear();
    let error = Labels::get(&labels, &first).await.unwrap_err();
    assert!(error.0.contains("no longer kept"), "{error}");
}
